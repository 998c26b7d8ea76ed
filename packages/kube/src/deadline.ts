import type { BerthError, Clock } from "@berth/base";

/** A signal that aborts with its parent, or after a time. Ends its timer when it goes out of scope. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** Starts the time anew. */
  extend(): void;
}

/** Why a timer ends that is not needed any more. Made once: a reason of its own, with its stack, costs more than the timer. */
const OVER = new Error("It is over.");

/** Starts a deadline of `ms`; `makeError` gives the reason when it passes. */
export function startDeadline(
  clock: Clock,
  ms: number,
  parent: AbortSignal | undefined,
  makeError: () => BerthError,
): Deadline {
  const passed = new AbortController();
  const over = new AbortController();
  let until = clock.monotonic() + ms;
  // One timer at a time: what is extended with each event moves the end and leaves the timer alone.
  const wait = async () => {
    for (let left = ms; left > 0; left = until - clock.monotonic()) await clock.sleep(left, over.signal);
    passed.abort(makeError());
  };
  wait().catch(() => undefined);
  return {
    signal: parent === undefined ? passed.signal : AbortSignal.any([parent, passed.signal]),
    extend: () => void (until = clock.monotonic() + ms),
    [Symbol.dispose]: () => over.abort(OVER),
  };
}
