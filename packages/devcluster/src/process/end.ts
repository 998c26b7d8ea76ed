import { setTimeout as sleep } from "node:timers/promises";

import { isAlive } from "./identity.ts";
import type { ProcessIdentity } from "./identity.ts";

/** How often we look whether a process is gone, in milliseconds: too often costs CPU, too seldom costs the start. */
const LOOK = 50;
/** A killed process can stay in the kernel for as long as its disk takes. */
const AFTER_KILL = 5_000;

/** Ends a process that need not be our child: SIGTERM, then SIGKILL once `grace` milliseconds have passed. */
export async function endProcess(identity: ProcessIdentity, grace: number): Promise<void> {
  if (await isGoneAfter(identity, "SIGTERM", grace)) return;
  if (await isGoneAfter(identity, "SIGKILL", AFTER_KILL)) return;
  throw new Error(`Process ${identity.pid} does not end, not even when killed. Look at it with: ps -p ${identity.pid}`);
}

async function isGoneAfter(identity: ProcessIdentity, signal: NodeJS.Signals, patience: number): Promise<boolean> {
  if (!isAlive(identity)) return true;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return true;
    throw error;
  }
  const end = performance.now() + patience;
  while (isAlive(identity)) {
    if (performance.now() > end) return false;
    await sleep(LOOK);
  }
  return true;
}
