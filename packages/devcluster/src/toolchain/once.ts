import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";

import { waitForLock } from "../process/lock.ts";
import type { Progress } from "../progress.ts";

const DRAFT = ".draft-";
/** A few branches and clones of one person; more are old. */
const KEPT = 5;

/** A directory made once for all processes. */
export interface OnceOptions {
  /** Directory of all versions. */
  readonly root: string;
  /** Name of this version: what it is made from. */
  readonly key: string;
  readonly progress: Progress;
  /** How many versions stay, the newest used first; 5 unless given. */
  readonly kept?: number;
  /** Fills an empty directory. Interrupted, it is run again with another one. */
  readonly make: (directory: string) => Promise<void>;
}

/** Gives the directory `root/key`, made whole or not at all, by one process while others wait. */
export async function makeOnce({ root, key, progress, kept = KEPT, make }: OnceOptions): Promise<string> {
  const target = join(root, key);
  if (await isThere(target)) return target;
  await mkdir(root, { recursive: true, mode: 0o700 });
  await using _lock = await waitForLock(join(root, ".lock"), ({ pid }) =>
    progress.say(`Process ${pid} builds in ${root} already: waiting for it.`),
  );
  if (await isThere(target)) return target;
  await removeDrafts(root);
  const draft = await mkdtemp(join(root, DRAFT));
  try {
    await make(draft);
    await rename(draft, target);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  await removeUnused(root, kept);
  return target;
}

/** Whoever holds the lock is alone, so every draft there is was left by a process that died. */
async function removeDrafts(root: string): Promise<void> {
  const names = (await readdir(root)).filter((name) => name.startsWith(DRAFT));
  for (const name of names) await rm(join(root, name), { recursive: true, force: true });
}

/** Versions that nobody asked for in a long time go: each toolchain takes 460 MB. */
async function removeUnused(root: string, kept: number): Promise<void> {
  const names = (await readdir(root)).filter((name) => !name.startsWith("."));
  const used = await Promise.all(names.map(async (name) => ({ name, at: (await stat(join(root, name))).mtimeMs })));
  const old = used.sort((a, b) => b.at - a.at).slice(kept);
  for (const { name } of old) await rm(join(root, name), { recursive: true, force: true });
}

/** Tells whether a version is there, and marks it as used now. */
async function isThere(path: string): Promise<boolean> {
  const now = new Date();
  return utimes(path, now, now).then(
    () => true,
    () => false,
  );
}
