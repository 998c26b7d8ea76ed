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
    try {
      for (let waited = waiters.longest(); waited !== undefined; waited = waiters.longest()) {
        // Where one's own events come, somebody waits at any time, and nobody for long.
        if (waited < GRACE) {
          await clock.sleep(GRACE - waited, signal);
          continue;
        }
        const start = clock.monotonic();
        await refresh(signal).catch((error: unknown) => log.debug({ error }, "a cache cannot be proved to be new"));
        if (waiters.longest() === undefined) break;
        await clock.sleep(Math.max(PAUSE, (clock.monotonic() - start) * (SHARE - 1)), signal);
      }
    } finally {
      // At once: whoever waits from now on begins it anew.
      isRunning = false;
    }
  };
  return () => {
    if (isRunning || signal.aborted) return;
    isRunning = true;
    prove().catch(() => undefined);
  };
}
