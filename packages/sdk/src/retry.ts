import { backoff } from "@berth/base";

import type { Connection } from "./connection.ts";
import { toApiError } from "./error.ts";

/** Milliseconds that Berth may ask for before it is asked again; with more, its answer stands. */
const LONGEST_PAUSE = 30_000;

/** Does something until it succeeds, fails for good, or was tried often enough. Throws the last BerthApiError. */
export async function withRetry<T>(
  { retry, clock }: Connection,
  signal: AbortSignal | undefined,
  task: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await task(attempt);
    } catch (thrown) {
      const error = toApiError(thrown);
      const pause = Math.max(backoff(attempt - 1, retry), error.retryAfterMs ?? 0);
      const mayPass = error.kind === "unavailable" || error.kind === "exhausted";
      if (!mayPass || attempt >= retry.attempts || pause > LONGEST_PAUSE) throw error;
      await rest(clock.sleep(pause, signal));
    }
  }
}

/** A pause that the caller ends is his own doing. */
export async function rest(pause: Promise<void>): Promise<void> {
  try {
    await pause;
  } catch (reason) {
    throw toApiError(reason instanceof Error && reason.name !== "Error" ? reason : abortError(reason));
  }
}

function abortError(cause: unknown): Error {
  return Object.assign(new Error("The call was given up.", { cause }), { name: "AbortError" });
}
