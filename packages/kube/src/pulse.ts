import { BerthError } from "@berth/base";
import type { Clock } from "@berth/base";

import { startDeadline } from "./deadline.ts";
import { isTimeout, timedOut } from "./errors.ts";

/** Milliseconds for an answer. */
const LIMIT = 5_000;
/** Milliseconds for which an answer counts. */
const COUNTS = 3_000;

/** Sends a GET and gives the answer's bytes as they come. */
type Stream = (request: { readonly path: string; readonly signal: AbortSignal }) => Promise<AsyncIterable<Buffer>>;

/**
 * Makes the question whether an API server answers at all: it rejects where
 * nothing comes within 5 s. Whatever comes is an answer, a refusal too. Those who
 * ask at about the same time share one question.
 */
export function createPulse(stream: Stream, clock: Clock): () => Promise<void> {
  let asking: Promise<void> | undefined;
  let last: { readonly at: number; readonly error: BerthError | undefined } = { at: -Infinity, error: undefined };
  const ask = async (): Promise<BerthError | undefined> => {
    using deadline = startDeadline(clock, LIMIT, undefined, timedOut);
    try {
      // As a stream: requests that wait for one another are no sign of death.
      for await (const _chunk of await stream({ path: "/version", signal: deadline.signal }));
    } catch (error) {
      if (error instanceof BerthError && isTimeout(error)) return error;
    }
    return undefined;
  };
  const askOnce = async () => {
    const error = await ask();
    last = { at: clock.monotonic(), error };
    asking = undefined;
  };
  return async () => {
    if (clock.monotonic() - last.at >= COUNTS) await (asking ??= askOnce());
    if (last.error !== undefined) throw last.error;
  };
}

/** Feels the pulse of whoever is silent. */
export interface Heartbeat extends Disposable {
  /** Aborts with its parent, or where the pulse is gone. */
  readonly signal: AbortSignal;
  /** Something came: the pulse is not asked for a while. */
  heard(): void;
}

/** Has a pulse asked after each `everyMs` of silence, until it goes out of scope. */
export function startHeartbeat(
  { pulse, clock, everyMs }: { readonly pulse: () => Promise<void>; readonly clock: Clock; readonly everyMs: number },
  parent: AbortSignal,
): Heartbeat {
  const dead = new AbortController();
  const over = new AbortController();
  let last = clock.monotonic();
  const beat = async () => {
    while (!over.signal.aborted) {
      const left = last + everyMs - clock.monotonic();
      if (left > 0) await clock.sleep(left, over.signal);
      else {
        await pulse();
        last = clock.monotonic();
      }
    }
  };
  beat().catch((error: unknown) => dead.abort(error));
  return {
    signal: AbortSignal.any([parent, dead.signal]),
    heard: () => void (last = clock.monotonic()),
    [Symbol.dispose]: () => over.abort(OVER),
  };
}

/** Why a heartbeat ends that is not needed any more. */
const OVER = new Error("It is over.");
