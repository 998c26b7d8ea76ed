import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { waitForLock } from "../process/lock.ts";
import type { Progress } from "../progress.ts";

const DRAFT = ".draft-";

/** A directory made once for all processes. */
export interface OnceOptions {
  /** Directory of all versions. */
  readonly root: string;
  /** Name of this version: what it is made from. */
  readonly key: string;
  readonly progress: Progress;
  /** Fills an empty directory. Interrupted, it is run again with another one. */
  readonly make: (directory: string) => Promise<void>;
}

/** Gives the directory `root/key`, made whole or not at all, by one process while others wait. */
export async function makeOnce({ root, key, progress, make }: OnceOptions): Promise<string> {
  const target = join(root, key);
  if (await exists(target)) return target;
  await mkdir(root, { recursive: true, mode: 0o700 });
  await using _lock = await waitForLock(join(root, ".lock"), ({ pid }) =>
    progress.say(`Process ${pid} builds in ${root} already: waiting for it.`),
  );
  if (await exists(target)) return target;
  await removeDrafts(root);
  const draft = await mkdtemp(join(root, DRAFT));
  try {
    await make(draft);
    await rename(draft, target);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return target;
}

/** Whoever holds the lock is alone, so every draft there is was left by a process that died. */
async function removeDrafts(root: string): Promise<void> {
  const names = (await readdir(root)).filter((name) => name.startsWith(DRAFT));
  for (const name of names) await rm(join(root, name), { recursive: true, force: true });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
