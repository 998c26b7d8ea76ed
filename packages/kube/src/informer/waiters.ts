import type { Clock } from "@berth/base";

import { isNewer } from "../resource-version.ts";

/** Why a wait ends. Made once: it has no stack that anybody reads. */
const REACHED = new Error("It is reached.");

/** How far the cache is, and those who wait for it. */
export interface Waiters {
  /** Empty before the first list. */
  current(): string;
  /** Tells that the cache holds everything up to here. */
  advance(resourceVersion: string): void;
  /** Like `advance`, but also back: an etcd restored from a backup counts from an earlier number. */
  reset(resourceVersion: string): void;
  /** Milliseconds that whoever waits the longest has waited; undefined where nobody does. */
  longest(): number | undefined;
  /** True once the cache is there; false after `timeoutMs`; rejects with the signal's reason. */
  waitFor(resourceVersion: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean>;
}

/** Nobody waits, nothing is held. */
export function createWaiters(clock: Clock): Waiters {
  let current = "";
  /** Who waits, since when; who came first stands first. */
  const checks = new Map<() => void, number>();
  const reset = (version: string) => {
    current = version;
    for (const check of [...checks.keys()]) check();
  };
  const reached = (wanted: string) => current !== "" && !isNewer(wanted, current);
  return {
    current: () => current,
    reset,
    advance(version) {
      if (isNewer(version, current)) reset(version);
    },
    longest() {
      for (const since of checks.values()) return clock.monotonic() - since;
      return undefined;
    },
    async waitFor(wanted, timeoutMs, signal) {
      signal?.throwIfAborted();
      if (reached(wanted)) return true;
      const done = new AbortController();
      const check = () => {
        if (reached(wanted)) done.abort(REACHED);
      };
      checks.set(check, clock.monotonic());
      try {
        await clock.sleep(timeoutMs, signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]));
        return false;
      } catch (error) {
        if (done.signal.aborted) return true;
        throw error;
      } finally {
        checks.delete(check);
        done.abort(REACHED);
      }
    },
  };
}
