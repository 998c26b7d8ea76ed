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
