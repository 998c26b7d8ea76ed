import type { LeaseRecord } from "./record.ts";

/** How long a contender has seen the same record, by its own monotonic clock alone. */
export interface Observer {
  /** Takes a record as it was just read; gives the milliseconds to wait until it may be taken, 0 for now. */
  wait(record: LeaseRecord, monotonic: number): number;
}

/**
 * Nobody's clock is trusted: a lease may be taken once it was seen unchanged for
 * its whole duration. Each renewal changes its resourceVersion and begins the
 * wait anew.
 */
export function createObserver(): Observer {
  let version = "";
  let seen = 0;
  return {
    wait(record, monotonic) {
      if ((record.spec?.holderIdentity ?? "") === "") return 0;
      const now = `${record.metadata.uid ?? ""}/${record.metadata.resourceVersion ?? ""}`;
      if (now !== version) {
        version = now;
        seen = monotonic;
      }
      return Math.max(0, seen + (record.spec?.leaseDurationSeconds ?? 0) * 1000 - monotonic);
    },
  };
}
