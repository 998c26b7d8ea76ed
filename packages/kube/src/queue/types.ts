import type { BackoffOptions, Clock, Logger } from "@berth/base";

/** How one run of a handler ended. Whatever it throws is `failed`. */
export type Outcome =
  /** The key's level is true. */
  | { readonly kind: "done" }
  /** Not yet: again, later each time. */
  | { readonly kind: "requeue" }
  /** Again after so many milliseconds. */
  | { readonly kind: "requeueAfter"; readonly ms: number }
  /** An error that passes: again, later each time. */
  | { readonly kind: "failed"; readonly error: unknown }
  /** An error that no repetition mends: not again until the key is added. */
  | { readonly kind: "terminal"; readonly error: unknown };

/** Runs of handlers, by how they ended, since the start. */
export type OutcomeCounts = Readonly<Record<Outcome["kind"], number>>;

/** Where a queue is. `stopping` runs what is queued, and takes nothing new. */
export type QueueState = "running" | "stopping" | "stopped";

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
