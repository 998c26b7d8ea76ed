/** Those who wait for a resourceVersion. */
export interface Waiters {
  /** Tells that the cache holds everything up to here. */
  advance(resourceVersion: string): void;
  current(): string;
  /** True once it does; false after `timeoutMs`. */
  waitFor(resourceVersion: string, timeoutMs: number): Promise<boolean>;
}

/**
 * Resource versions are compared as integers, which Kubernetes guarantees for
 * its own resources since 1.35 (KEP-5504).
 */
export function createWaiters(): Waiters {
  let current = 0n;
  const waiting = new Set<() => void>();
  return {
    current: () => String(current),
    advance(resourceVersion) {
      const reached = BigInt(resourceVersion);
      if (reached <= current) return;
      current = reached;
      for (const check of waiting) check();
    },
    waitFor(resourceVersion, timeoutMs) {
      const wanted = BigInt(resourceVersion);
      if (current >= wanted) return Promise.resolve(true);
      return new Promise((resolve) => {
        const end = (answer: boolean) => {
          clearTimeout(timer);
          waiting.delete(check);
          resolve(answer);
        };
        const check = () => {
          if (current >= wanted) end(true);
        };
        const timer = setTimeout(() => end(false), timeoutMs);
        waiting.add(check);
      });
    },
  };
}
