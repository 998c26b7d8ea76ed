import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { isAlive, ownIdentity } from "./identity.ts";
import type { ProcessIdentity } from "./identity.ts";

/** How often a waiter looks again, in milliseconds: what is waited for takes minutes. */
const LOOK = 250;

let attempts = 0;

/** A lock that is held. */
export interface Lock extends AsyncDisposable {
  release(): Promise<void>;
}

/**
 * Takes the lock of a file, or gives the process that holds it. A holder that died (same number and start time run no
 * more) holds nothing.
 */
export async function tryLock(path: string): Promise<Lock | ProcessIdentity> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  for (;;) {
    if (await createWhole(path)) return heldLock(path);
    const holder = await readHolder(path);
    if (holder !== undefined && isAlive(holder)) return holder;
    await breakStale(path);
  }
}

/** Takes the lock of a file, waiting for whoever holds it. `onWait` hears once, of the first holder. */
export async function waitForLock(path: string, onWait: (holder: ProcessIdentity) => void): Promise<Lock> {
  for (let isFirst = true; ; isFirst = false) {
    const lock = await tryLock(path);
    if (isLock(lock)) return lock;
    if (isFirst) onWait(lock);
    await sleep(LOOK);
  }
}

/** Tells a held lock from another holder. */
export function isLock(result: Lock | ProcessIdentity): result is Lock {
  return "release" in result;
}

function heldLock(path: string): Lock {
  const release = () => rm(path, { force: true });
  return { release, [Symbol.asyncDispose]: release };
}

/** A hard link appears with its content or not at all, so nobody ever reads a half-written lock. */
async function createWhole(path: string): Promise<boolean> {
  const draft = `${path}.${process.pid}.${attempts++}`;
  await writeFile(draft, JSON.stringify(ownIdentity()), { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Only one may judge and remove a dead holder's lock at a time, or the second would remove the first one's new lock. */
async function breakStale(path: string): Promise<void> {
  const breaker = `${path}.break`;
  if (!(await createWhole(breaker))) {
    const other = await readHolder(breaker);
    if (other !== undefined && !isAlive(other)) await rm(breaker, { force: true });
    await sleep(LOOK);
    return;
  }
  try {
    const holder = await readHolder(path);
    if (holder === undefined || !isAlive(holder)) await rm(path, { force: true });
  } finally {
    await rm(breaker, { force: true });
  }
}

async function readHolder(path: string): Promise<ProcessIdentity | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as ProcessIdentity;
  } catch {
    return undefined;
  }
}
