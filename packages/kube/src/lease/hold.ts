import { BerthError, backoff } from "@berth/base";

import { isConflict, isNotFound } from "../errors.ts";
import type { LeaseRecord, LeaseStore } from "./record.ts";
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
  /** One renewal; throws where it may be tried again. */
  const renew = async () => {
    const began = clock.monotonic();
    try {
      record = await store.renew(record, clock.now(), signal);
      if (state === "held") deadline = began + usable;
    } catch (error) {
      if (isNotFound(error)) return lose("the Lease was deleted");
      if (!isConflict(error)) throw error;
      // Ours, if an answer of ours was lost on its way; else somebody took it.
      const found = await store.read(signal);
      const isOurs = found?.spec?.holderIdentity === holder && found.metadata.uid === first.metadata.uid;
      const isSameHold = found?.spec?.leaseTransitions === first.spec?.leaseTransitions;
      if (found === undefined || !isOurs || !isSameHold) return lose("another holder has taken it");
      record = found;
      throw error;
    }
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
  /** The deadline holds even while a renewal hangs. */
  const guard = async () => {
    while (state === "held") {
      const left = deadline - clock.monotonic();
      if (left <= 0) return lose("it was not renewed in time");
      await clock.sleep(left, signal).catch(() => undefined);
    }
  };
  const running = Promise.all([keep(), guard()]);

  return {
    signal,
    fence: first.spec?.leaseTransitions ?? 0,
    state() {
      // The timer may be late where the process was busy or asleep.
      if (clock.monotonic() >= deadline) lose("it was not renewed in time");
      return state;
    },
    deadline: () => deadline,
    async release() {
      const wasHeld = state === "held";
      end("released", new BerthError("UNAVAILABLE", "The hold was given back."));
      await running;
      if (!wasHeld) return;
      // Not given back, it runs out by itself.
      await free(options, store, record).catch((error: unknown) =>
        log.info({ lease: name, error }, "a lease cannot be given back; it runs out"),
      );
    },
  };
}

async function free({ clock, holder }: LeaseOptions, store: LeaseStore, record: LeaseRecord): Promise<void> {
  const { signal } = new AbortController();
  try {
    await store.free(record, clock.now(), signal);
  } catch (error) {
    if (!isConflict(error)) throw error;
    // A renewal was under way when we ended and landed after all.
    const found = await store.read(signal);
    const isOurs = found?.spec?.holderIdentity === holder;
    if (found !== undefined && isOurs) await store.free(found, clock.now(), signal);
  }
}
