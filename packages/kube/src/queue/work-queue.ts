import { BerthError } from "@berth/base";
import type { BackoffOptions, Clock, Logger } from "@berth/base";

import { createKeys } from "./keys.ts";
import { createRetries } from "./retries.ts";
import type { Outcome, OutcomeCounts, QueueState } from "./types.ts";

const CONCURRENCY = 4;
const MAX_DEPTH = 100_000;
const BACKOFF: BackoffOptions = { initial: 100, max: 60_000 };

/** How a queue works. */
export interface WorkQueueOptions {
  /** For the log. */
  readonly name: string;
  /**
   * Makes one key's level true. Runs at any time and any number of times, never
   * twice at once for a key. The signal aborts where a stop lasts too long.
   */
  readonly handle: (key: string, signal: AbortSignal) => Promise<Outcome>;
  /** Keys at once; 4 where absent. */
  readonly concurrency?: number | undefined;
  /** Keys known at once: waiting, running or resting; 100,000 where absent. */
  readonly maxDepth?: number | undefined;
  /** Between repetitions of one key; 100 ms to 60 s where absent. */
  readonly backoff?: BackoffOptions | undefined;
  readonly log: Logger;
  readonly clock: Clock;
  /** 0 to 1; for tests. */
  readonly random?: (() => number) | undefined;
}

/** A queue of keys. It knows no events, only that a key wants to be looked at. */
export interface WorkQueue {
  /**
   * Asks for a run of the key, at once even if it rests. Folded into one where
   * it waits already; one more follows where it runs. Does nothing once the queue
   * is stopping. EXHAUSTED for a new key where too many are known.
   */
  add(key: string): void;
  /** Asks for a run after `ms` milliseconds; an earlier one that is known stays. Otherwise as `add`. */
  addAfter(key: string, ms: number): void;
  /** Keys known: waiting, running or resting; one that runs and rests counts twice. */
  depth(): number;
  counts(): OutcomeCounts;
  state(): QueueState;
  /** Resolves once no key waits or runs; those that rest do not count. */
  idle(): Promise<void>;
  /**
   * Runs what waits, drops what rests, and resolves once nothing runs. After
   * `timeoutMs` what waits is dropped too and the handlers' signal is aborted.
   */
  stop(timeoutMs: number): Promise<void>;
}

/** Makes a queue; it works from its first key on. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { name, log, clock, concurrency = CONCURRENCY, maxDepth = MAX_DEPTH } = options;
  const counts = { done: 0, requeue: 0, requeueAfter: 0, failed: 0, terminal: 0 };
  const aborting = new AbortController();
  const keys = createKeys();
  const retries = createRetries(options.backoff ?? BACKOFF, clock, options.random ?? Math.random, (key) =>
    enqueue(key),
  );
  const idlers = new Set<() => void>();
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
    if (keys.size() === 0) for (const resolve of idlers) resolve();
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
  const idle = () =>
    new Promise<void>((resolve) => {
      if (keys.size() === 0) return resolve();
      const done = () => {
        idlers.delete(done);
        resolve();
      };
      idlers.add(done);
    });

  return {
    add: (key) => void (admit(key) && enqueue(key)),
    addAfter: (key, ms) => void (admit(key) && !keys.isWaiting(key) && retries.restFor(key, ms)),
    depth,
    counts: () => ({ ...counts }),
    state: () => state,
    idle,
    async stop(timeoutMs) {
      if (state === "running") state = "stopping";
      retries.clear();
      const inTime = new AbortController();
      const late = clock.sleep(timeoutMs, inTime.signal).then(
        () => {
          keys.drop();
          aborting.abort(new BerthError("UNAVAILABLE", "The queue is stopped."));
          work();
        },
        () => undefined,
      );
      await idle();
      inTime.abort();
      await late;
      state = "stopped";
    },
  };
}

async function settle(handle: WorkQueueOptions["handle"], key: string, signal: AbortSignal): Promise<Outcome> {
  try {
    return await handle(key, signal);
  } catch (error) {
    return { kind: "failed", error };
  }
}
