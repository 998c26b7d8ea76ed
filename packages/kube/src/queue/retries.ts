import { backoff } from "@berth/base";
import type { BackoffOptions, Clock } from "@berth/base";

interface Rest {
  readonly until: number;
  readonly waking: AbortController;
}

/** Keys that rest until they are due, and how often each has failed. */
export interface Retries {
  /** Rests as long as its failures in a row ask for. */
  backOff(key: string): void;
  /** Rests for so many milliseconds; a rest that ends earlier stays. */
  restFor(key: string, ms: number): void;
  /** Ends its rest, keeps its failures. */
  cancel(key: string): void;
  /** Forgets its failures. */
  forget(key: string): void;
  has(key: string): boolean;
  /** How many rest. */
  size(): number;
  clear(): void;
}

/** Nothing rests; `wake` is called with each key that is due. */
export function createRetries(
  limits: BackoffOptions,
  clock: Clock,
  random: () => number,
  wake: (key: string) => void,
): Retries {
  const failures = new Map<string, number>();
  const rests = new Map<string, Rest>();
  const cancel = (key: string) => {
    rests.get(key)?.waking.abort();
    rests.delete(key);
  };
  const restFor = (key: string, ms: number) => {
    const until = clock.monotonic() + ms;
    if (until >= (rests.get(key)?.until ?? Infinity)) return;
    cancel(key);
    const waking = new AbortController();
    rests.set(key, { until, waking });
    clock.sleep(ms, waking.signal).then(
      () => {
        rests.delete(key);
        wake(key);
      },
      () => undefined,
    );
  };
  return {
    backOff(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      restFor(key, backoff(count, limits, random));
    },
    restFor,
    cancel,
    forget: (key) => void failures.delete(key),
    has: (key) => rests.has(key),
    size: () => rests.size,
    clear() {
      for (const key of [...rests.keys()]) cancel(key);
      failures.clear();
    },
  };
}
