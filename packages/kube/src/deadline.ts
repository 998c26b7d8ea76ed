import type { BerthError, Clock } from "@berth/base";

/** A signal that aborts with its parent, or after a time. Ends its timer when it goes out of scope. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** Starts the time anew. */
  extend(): void;
}

/** Starts a deadline of `ms`; `makeError` gives the reason when it passes. */
export function startDeadline(
  clock: Clock,
  ms: number,
  parent: AbortSignal | undefined,
  makeError: () => BerthError,
): Deadline {
  const passed = new AbortController();
  let timer = new AbortController();
  const arm = () => {
    timer = new AbortController();
    clock.sleep(ms, timer.signal).then(
      () => passed.abort(makeError()),
      () => undefined,
    );
  };
  arm();
  const extend = () => {
    timer.abort();
    arm();
  };
  return {
    signal: parent === undefined ? passed.signal : AbortSignal.any([parent, passed.signal]),
    extend,
    [Symbol.dispose]: () => timer.abort(),
  };
}
