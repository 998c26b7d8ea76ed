import type { BackoffOptions, Clock, Logger } from "@berth/base";

import type { LeaseName } from "./record.ts";

/** A lease that is wanted. */
export interface LeaseOptions extends LeaseName {
  readonly log: Logger;
  readonly clock: Clock;
  /** Between tries that fail; 200 ms to a fifth of the lease where absent. */
  readonly backoff?: BackoffOptions | undefined;
  /** 0 to 1; for tests. */
  readonly random?: (() => number) | undefined;
}

/** Where a held lease is. */
export type LeaseState = "held" | "lost" | "released";

/** A lease while it is ours, and after. */
export interface HeldLease {
  /**
   * Aborted once the lease is not ours any more: with HOLD_LOST where it was lost, with
   * UNAVAILABLE where it was released. Whoever changes something stops then.
   */
  readonly signal: AbortSignal;
  /** Grows with each holder of the lease, as long as nobody deletes the Lease: the number for a fence. */
  readonly fence: number;
  state(): LeaseState;
  /**
   * Monotonic time in ms (`clock.monotonic()`) at which we must have stopped
   * changing things, unless it is renewed before; it only grows.
   */
  deadline(): number;
  /** Ends the renewals, aborts the signal, and gives the lease back where it is still ours. Never rejects. */
  release(): Promise<void>;
}
