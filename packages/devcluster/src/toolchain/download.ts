import { createHash, timingSafeEqual } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

import { SetupError } from "../setup-error.ts";

/** The largest release file is 130 MB; ten minutes for it is a line of 2 Mbit/s. */
const PATIENCE = 600_000;
/** A list of checksums is a few kilobytes. */
const LARGEST_CHECKSUMS = 1024 * 1024;
const HINT = "Set BERTH_TOOLCHAIN=build to build from source instead.";

/** A release file and where its checksum is published. */
export interface Download {
  readonly url: string;
  /** Text that holds the SHA-256 alone, or lines of `sum  name`. */
  readonly checksumUrl: string;
  readonly target: string;
}

/** Tells whether a file can be had, within a time in milliseconds. */
export async function answers(url: string, patience: number): Promise<boolean> {
  try {
    const response = await get(url, AbortSignal.timeout(patience));
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

/** Downloads a file and keeps it only if it has the published checksum. */
export async function downloadVerified({ url, checksumUrl, target }: Download): Promise<void> {
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const wanted = findChecksum(await text(checksumUrl, signal), url);
    const actual = await store(await get(url, signal), target);
    if (timingSafeEqual(actual, wanted)) return;
    throw new SetupError(
      `${url} has the SHA-256 ${actual.toString("hex")}, but ${wanted.toString("hex")} is published.`,
      `Do not use it. ${HINT}`,
    );
  } catch (error) {
    await rm(target, { force: true });
    throw error instanceof SetupError ? error : new SetupError(`${url} was not fetched whole.`, HINT, { cause: error });
  }
}

/** Writes what a response brings into a file and gives its SHA-256. */
async function store(response: Response, target: string): Promise<Buffer> {
  const sum = createHash("sha256");
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sum.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(response.body ?? [], hashing, createWriteStream(target, { mode: 0o600 }));
  return sum.digest();
}

/** Finds the checksum of a file in what is published beside it. */
function findChecksum(published: string, url: string): Buffer {
  const name = url.slice(url.lastIndexOf("/") + 1);
  const lines = published.trim().split("\n").map((line) => line.trim().split(/\s+\*?/));
  const [sum] = lines.find(([, file]) => file === name) ?? (lines.length === 1 && lines[0]?.length === 1 ? lines[0] : []);
  if (sum !== undefined && /^[0-9a-f]{64}$/i.test(sum)) return Buffer.from(sum, "hex");
  throw new SetupError(`No SHA-256 is published for ${url}.`, HINT);
}

async function text(url: string, signal: AbortSignal): Promise<string> {
  const response = await get(url, signal);
  const size = Number(response.headers.get("content-length") ?? 0);
  if (size > LARGEST_CHECKSUMS) throw new SetupError(`${url} is no list of checksums: it has ${size} bytes.`, HINT);
  return response.text();
}

/** Gets a file over whatever redirects there are, as long as they end on HTTPS. */
async function get(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { signal }).catch((cause: unknown) => {
    throw new SetupError(`${url} cannot be reached.`, HINT, { cause });
  });
  if (response.ok && isSafe(new URL(response.url))) return response;
  await response.body?.cancel();
  const answer = response.ok ? `leads to ${response.url}, which is not HTTPS` : `answered ${response.status}`;
  throw new SetupError(`${url} ${answer}.`, HINT);
}

/** Nobody sits between this machine and itself. */
function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || ["127.0.0.1", "[::1]", "localhost"].includes(hostname);
}
