import { readFileSync } from "node:fs";

import { BerthError } from "@berth/base";

import { isLoopback } from "./loopback.ts";

/** A callback of the configuration file. */
interface CallbackFile {
  readonly url: string;
  readonly secretFile: string;
  readonly certificateAuthority?: string | undefined;
}

/** What of the egress policy says whether a callback may be without TLS. */
interface CallbackEgress {
  readonly allowLoopback: boolean;
  readonly allowedHosts: readonly string[];
}

/** Reads a callback with the keys that sign it; INVALID_ARGUMENT names what is wrong, below `at`. */
export function readCallback(
  { url, secretFile, certificateAuthority }: CallbackFile,
  at: string,
  egress: CallbackEgress,
) {
  const { protocol, hostname, username, password, search, hash } = new URL(url);
  if (`${username}${password}${search}${hash}` !== "") {
    throw refusedCallback(`${at}.url`, "has a user, a query or a fragment", "Give scheme, host, port and path alone.");
  }
  const host = hostname.replace(/^\[|\]$/g, "");
  const isNamed = egress.allowedHosts.some((allowed) => allowed.toLowerCase() === host);
  const isOwn = egress.allowLoopback && isLoopback(host);
  if (protocol === "http:" && !isNamed && !isOwn) {
    const hint = "Use https, or name the host in egress.allowedHosts.";
    throw refusedCallback(`${at}.url`, "is not https", hint);
  }
  return { url, keys: readSigningKeys(`${at}.secretFile`, secretFile), certificateAuthority };
}

/** The keys of a file, one a line, as Standard Webhooks writes them: base64 of 24 to 64 bytes behind `whsec_`. */
function readSigningKeys(field: string, path: string): Uint8Array[] {
  const hint = "Give the path of a file with keys like whsec_…, one a line: base64 of 24 to 64 random bytes each.";
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw refusedCallback(field, "cannot be read", hint, error);
  }
  const lines = text.split("\n").flatMap((line) => (line.trim() === "" ? [] : [line.trim().replace(/^whsec_/, "")]));
  const keys = lines.map((line) => new Uint8Array(Buffer.from(line, "base64")));
  const areWhole = lines.every((line) => /^[A-Za-z0-9+/]+={0,2}$/.test(line) && line.length % 4 === 0);
  if (!areWhole || keys.length === 0 || keys.some(({ length }) => length < 24 || length > 64)) {
    throw refusedCallback(field, "has no keys of the form that is wanted", hint);
  }
  return keys;
}

function refusedCallback(field: string, why: string, hint: string, cause?: unknown): BerthError {
  return new BerthError("INVALID_ARGUMENT", `Configuration (file): ${field} ${why}.`, { field, hint, cause });
}
