import { BerthError } from "@berth/base";
import type { BackoffOptions, Clock } from "@berth/base";

import { createKeys } from "./keys.ts";
import type { Keys } from "./keys.ts";
import { createRetries } from "./retries.ts";
import type { Outcome, QueueState, WorkQueue, WorkQueueOptions } from "./types.ts";

const CONCURRENCY = 4;
const MAX_DEPTH = 100_000;
const BACKOFF: BackoffOptions = { initial: 100, max: 60_000 };

/** Makes a queue; it works from its first key on. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { name, log, clock, concurrency = CONCURRENCY, maxDepth = MAX_DEPTH } = options;
  const counts = { done: 0, requeue: 0, requeueAfter: 0, failed: 0, terminal: 0 };
  const aborting = new AbortController();
  const keys = createKeys();
  const retries = createRetries(options.backoff ?? BACKOFF, clock, options.random ?? Math.random, (key) =>
    enqueue(key),
  );
  let state: QueueState = "running";

  const depth = () => keys.size() + retries.size();
  const admit = (key: string): boolean => {
    if (state !== "running") return false;
    if (keys.has(key) || retries.has(key) || depth() < maxDepth) return true;
    const details = { depth: String(maxDepth) };
    throw new BerthError("EXHAUSTED", "Too much work is waiting already.", { details });
  };
  const enqueue = (key: string) => {
    retries.cancel(key);
    keys.add(key);
    work();
  };
  const work = () => {
    while (keys.running() < concurrency) {
      const key = keys.take();
      if (key === undefined) break;
      void run(key);
    }
  };
  const run = async (key: string) => {
    const outcome = await settle(options.handle, key, aborting.signal);
    counts[outcome.kind]++;
    if (outcome.kind === "failed")
      log.warn({ queue: name, key, error: outcome.error }, "a key failed; it is tried again");
    if (outcome.kind === "terminal") log.error({ queue: name, key, error: outcome.error }, "a key failed for good");
    const isWanted = keys.finish(key);
    if (outcome.kind === "done" || outcome.kind === "terminal") retries.forget(key);
    // A key that is wanted anew runs at once: its rest would be for a level that has changed.
    else if (state === "running" && !isWanted) {
      if (outcome.kind === "requeueAfter") {
        retries.forget(key);
        retries.restFor(key, outcome.ms);
      } else retries.backOff(key);
    }
    work();
  };
  return {
    add: (key) => void (admit(key) && enqueue(key)),
    addAfter: (key, ms) => void (admit(key) && !keys.isWaiting(key) && retries.restFor(key, ms)),
    depth,
    counts: () => ({ ...counts }),
    state: () => state,
    idle: () => keys.idle(),
    async stop(timeoutMs) {
      if (state === "running") state = "stopping";
      retries.clear();
      await drain(keys, clock, timeoutMs, aborting);
      state = "stopped";
    },
  };
}

async function drain(keys: Keys, clock: Clock, timeoutMs: number, aborting: AbortController): Promise<void> {
  const inTime = new AbortController();
  const late = clock.sleep(timeoutMs, inTime.signal).then(
    () => {
      keys.drop();
      aborting.abort(new BerthError("UNAVAILABLE", "The queue is stopped."));
    },
    () => undefined,
  );
  await keys.idle();
  inTime.abort();
  await late;
}

async function settle(handle: WorkQueueOptions["handle"], key: string, signal: AbortSignal): Promise<Outcome> {
  // Whoever adds a key does not run its handler.
  await Promise.resolve();
  try {
    return await handle(key, signal);
  } catch (error) {
    return { kind: "failed", error };
  }
}
