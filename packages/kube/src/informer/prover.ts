import type { Clock, Logger } from "@berth/base";

import type { Waiters } from "./waiters.ts";

/** Events of one's own write come within this time, in milliseconds; then there is nothing to prove. */
const GRACE = 50;
/** Milliseconds between two proofs at least. */
const PAUSE = 200;
/** Proofs take at most this part of the time: one that reads many objects comes seldom. */
const SHARE = 10;

/**
 * Proves to those who wait that the cache is as new as they ask, while anybody
 * waits. Needed because a watch tells nothing while its own resource rests: a
 * write to Secrets moves no watch on ConfigMaps until its next bookmark, up to a
 * minute later.
 */
export function createProver(
  waiters: Waiters,
  refresh: (signal: AbortSignal) => Promise<void>,
  { log, clock, signal }: { readonly log: Logger; readonly clock: Clock; readonly signal: AbortSignal },
): () => void {
  let isRunning = false;
  const prove = async () => {
    await clock.sleep(GRACE, signal);
    while (waiters.waiting() > 0) {
      const start = clock.monotonic();
      await refresh(signal).catch((error: unknown) => log.debug({ error }, "a cache cannot be proved to be new"));
      if (waiters.waiting() === 0) break;
      await clock.sleep(Math.max(PAUSE, (clock.monotonic() - start) * (SHARE - 1)), signal);
    }
  };
  return () => {
    if (isRunning || signal.aborted) return;
    isRunning = true;
    void prove()
      .catch(() => undefined)
      .finally(() => (isRunning = false));
  };
}
