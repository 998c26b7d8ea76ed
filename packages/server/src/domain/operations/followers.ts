import type { Clock } from "@berth/base";

import type { AskOptions } from "../command.ts";
import type { HomeCache } from "./store/cache.ts";
import { hasEnded } from "./record.ts";
import type { OperationRecord } from "./record.ts";

/** Those who wait for what becomes of operations. */
export interface Followers {
  /**
   * Resolves with each newer state of an operation than `seen`, undefined once
   * it is gone; rejects with the signal's reason.
   */
  next(id: string, seen: OperationRecord | undefined, signal: AbortSignal): Promise<OperationRecord | undefined>;
  /** Tells a state of which we know before the watch does. */
  tell(record: OperationRecord): void;
  /** Resolves with the ended operation, or with what is known of it after `ms` or once nobody waits any more. */
  ended(id: string, ms: number, options?: AskOptions): Promise<OperationRecord | undefined>;
}

/** Makes followers of the cache: one listener for all of them. */
export function createFollowers(cache: HomeCache, clock: Clock): Followers {
  const waiting = new Map<string, Set<(record: OperationRecord | undefined) => void>>();
  const tell = (id: string, record: OperationRecord | undefined) => {
    for (const wake of waiting.get(id) ?? []) wake(record);
  };
  cache.operations.onChange((change) => {
    if (change.type === "deleted") tell(change.previous.metadata.name, undefined);
    else tell(change.object.metadata.name, change.object);
  });
  const followers: Followers = {
    tell: (record) => tell(record.metadata.name, record),
    next(id, seen, signal) {
      const known = cache.operation(id);
      if (known !== undefined && known.metadata.resourceVersion !== seen?.metadata.resourceVersion) {
        return Promise.resolve(known);
      }
      return new Promise((resolve, reject) => {
        const set = waiting.get(id) ?? new Set();
        waiting.set(id, set);
        const leave = () => {
          set.delete(wake);
          if (set.size === 0 && waiting.get(id) === set) waiting.delete(id);
          signal.removeEventListener("abort", onAbort);
        };
        const wake = (record: OperationRecord | undefined) => {
          leave();
          resolve(record);
        };
        const onAbort = () => {
          leave();
          reject(signal.reason as Error);
        };
        set.add(wake);
        if (signal.aborted) onAbort();
        else signal.addEventListener("abort", onAbort, { once: true });
      });
    },
    async ended(id, ms, { signal } = {}) {
      const late = new AbortController();
      const end = signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]);
      const timer = clock.sleep(ms, late.signal).then(
        () => late.abort(),
        () => undefined,
      );
      let seen: OperationRecord | undefined;
      try {
        do seen = await followers.next(id, seen, end);
        while (seen !== undefined && !hasEnded(seen));
        return seen;
      } catch {
        return seen;
      } finally {
        late.abort();
        await timer;
      }
    },
  };
  return followers;
}
