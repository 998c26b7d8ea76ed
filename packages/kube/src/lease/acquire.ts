import { backoff } from "@berth/base";

import { isConflict } from "../errors.ts";
import { holdLease } from "./hold.ts";
import { createObserver } from "./observe.ts";
import { createLeaseStore } from "./record.ts";
import type { LeaseRecord } from "./record.ts";
import type { HeldLease, LeaseOptions } from "./types.ts";

/**
 * Waits until the lease is ours and holds it, renewing it. A lease of somebody
 * else is taken only after it was seen unchanged for its whole duration. Goes on
 * while the API server is away; rejects with the signal's reason alone, or with
 * FORBIDDEN and other refusals that no waiting mends.
 */
export async function acquireLease(options: LeaseOptions, signal: AbortSignal): Promise<HeldLease> {
  const { clock, log, name, durationSeconds } = options;
  const store = createLeaseStore(options);
  const observer = createObserver();
  const duration = durationSeconds * 1000;
  const limits = options.backoff ?? { initial: Math.min(200, duration / 5), max: duration / 5 };
  let attempt = 0;
  const tryOnce = async (): Promise<{ record: LeaseRecord; sent: number } | number> => {
    const found = await store.read(signal);
    const wait = found === undefined ? 0 : observer.wait(found, clock.monotonic());
    if (wait > 0) return Math.min(wait, duration / 4);
    // Before the request: what is promised to others begins when it is written, which is later.
    const sent = clock.monotonic();
    const now = clock.now();
    const record = await (found === undefined ? store.create(now, signal) : store.take(found, now, signal));
    return { record, sent };
  };
  for (;;) {
    signal.throwIfAborted();
    let wait: number;
    try {
      const result = await tryOnce();
      if (typeof result === "object") {
        return holdLease(options, store, result.record, result.sent);
      }
      wait = result;
      attempt = 0;
    } catch (error) {
      signal.throwIfAborted();
      if (!isConflict(error) && !isPassing(error)) throw error;
      if (!isConflict(error))
        log.warn({ lease: name, attempt, error }, "a lease cannot be asked for; it is tried again");
      wait = backoff(attempt++, limits, options.random);
    }
    await clock.sleep(wait, signal);
  }
}

function isPassing(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === "CLUSTER_UNREACHABLE" || code === "EXHAUSTED";
}
