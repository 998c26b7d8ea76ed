import { BerthError, backoff } from "@berth/base";
import type { Clock } from "@berth/base";

import type { LeaseRecord, LeaseStore } from "./record.ts";
import { giveBack, renewOnce } from "./renew.ts";
import type { HeldLease, LeaseOptions, LeaseState } from "./types.ts";

/** Part of the lease that is left unused at its end: two monotonic clocks may run at different speeds. */
const MARGIN = 0.1;
/** Renewals in the time until the deadline. */
const RENEWALS = 3;

/** Holds a lease that was written as ours by a request sent at the monotonic time `sent`. */
export function holdLease(options: LeaseOptions, store: LeaseStore, first: LeaseRecord, sent: number): HeldLease {
  const { clock, log, name, holder, durationSeconds } = options;
  const usable = durationSeconds * 1000 * (1 - MARGIN);
  const limits = options.backoff ?? { initial: Math.min(200, usable / 10), max: usable / 5 };
  const ending = new AbortController();
  const { signal } = ending;
  let state: LeaseState = "held";
  let record = first;
  let deadline = sent + usable;

  const end = (next: LeaseState, reason: BerthError) => {
    if (state !== "held") return;
    state = next;
    ending.abort(reason);
  };
  const lose = (reason: string) => {
    if (state !== "held") return;
    log.warn({ lease: name, reason }, "a lease is lost");
    end("lost", new BerthError("HOLD_LOST", "The hold ran out.", { reason }));
  };
  const expire = () => lose("it was not renewed in time");
  const renew = async () => {
    const began = clock.monotonic();
    const renewal = await renewOnce(store, holder, record, clock.now(), signal);
    if (renewal.kind === "lost") return lose(renewal.reason);
    record = renewal.record;
    if (renewal.kind === "changed") throw renewal.error;
    if (state === "held") deadline = began + usable;
  };
  const keep = async () => {
    for (let attempt = 0; state === "held";) {
      try {
        await clock.sleep(attempt === 0 ? usable / RENEWALS : backoff(attempt - 1, limits, options.random), signal);
        await renew();
        attempt = 0;
      } catch (error) {
        if (state !== "held") return;
        attempt++;
        log.warn({ lease: name, attempt, error }, "a lease cannot be renewed; it is tried again");
      }
    }
  };
  const running = Promise.all([keep(), passDeadline(clock, () => deadline, signal).then(expire)]);

  return {
    signal,
    fence: first.spec?.leaseTransitions ?? 0,
    state() {
      // The timer may be late where the process was busy or asleep.
      if (clock.monotonic() >= deadline) expire();
      return state;
    },
    deadline: () => deadline,
    async release() {
      const wasHeld = state === "held";
      end("released", new BerthError("UNAVAILABLE", "The hold was given back."));
      await running;
      if (!wasHeld) return;
      // Not given back, it runs out by itself.
      await giveBack(store, holder, record, clock.now()).catch((error: unknown) =>
        log.info({ lease: name, error }, "a lease cannot be given back; it runs out"),
      );
    },
  };
}

/** Resolves once the deadline has passed, which grows meanwhile, or the signal is aborted: even while a renewal hangs. */
async function passDeadline(clock: Clock, deadline: () => number, signal: AbortSignal): Promise<void> {
  for (let left = 1; left > 0 && !signal.aborted;) {
    left = deadline() - clock.monotonic();
    if (left > 0) await clock.sleep(left, signal).catch(() => undefined);
  }
}
