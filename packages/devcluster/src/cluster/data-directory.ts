import { rm } from "node:fs/promises";
import { join } from "node:path";

import { ownDirectory } from "../files.ts";
import { isLock, tryLock } from "../process/lock.ts";
import type { Lock } from "../process/lock.ts";
import { SetupError } from "../setup-error.ts";
import { endLeftovers } from "../supervisor/record.ts";
import { removeWorld } from "../world/world.ts";

/** What a cluster keeps in its data directory, except the lock. */
const contents = [
  ...["etcd", "pki", "logs", "node"],
  ...["ports.json", "processes.json", "world.json", "kubeconfig", "supervisor.log"],
];

/**
 * Takes a data directory for this process and ends what a killed process left running in it.
 * @throws SetupError where another living process has it.
 */
export async function takeDataDirectory(directory: string): Promise<Lock> {
  await ownDirectory(directory);
  const lock = await tryLock(join(directory, "lock"));
  if (!isLock(lock)) {
    throw new SetupError(
      `The cluster in ${directory} is in use by process ${lock.pid}.`,
      `Stop that one (Ctrl-C, or: kill ${lock.pid}), or use another directory.`,
    );
  }
  await endLeftovers(directory);
  await removeWorld(directory);
  await ownDirectory(join(directory, "logs"));
  return lock;
}

/** Throws away the cluster of a data directory. Refused while it runs. */
export async function resetCluster(directory: string): Promise<void> {
  await using _lock = await takeDataDirectory(directory);
  for (const name of contents) await rm(join(directory, name), { recursive: true, force: true });
}
