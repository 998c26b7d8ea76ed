/** Keys that wait for a run or are in one: each waits once and runs once at a time. */
export interface Keys {
  add(key: string): void;
  /** The next key that may run; it runs from now on. */
  take(): string | undefined;
  /** Ends a key's run; true where it waits again, because it was added meanwhile. */
  finish(key: string): boolean;
  has(key: string): boolean;
  isWaiting(key: string): boolean;
  /** Keys that wait or run. */
  size(): number;
  running(): number;
  /** Forgets those that wait. */
  drop(): void;
  /** Resolves once none waits or runs. */
  idle(): Promise<void>;
}

/** No keys. */
export function createKeys(): Keys {
  // In the order they were added. What runs and is wanted again stands apart, so that `take` need not skip it.
  const waiting = new Set<string>();
  const running = new Set<string>();
  const again = new Set<string>();
  let idle: PromiseWithResolvers<void> | undefined;
  const size = () => waiting.size + running.size;
  const notice = () => {
    if (size() > 0) return;
    idle?.resolve();
    idle = undefined;
  };
  return {
    add: (key) => void (running.has(key) ? again : waiting).add(key),
    take() {
      for (const key of waiting) {
        waiting.delete(key);
        running.add(key);
        return key;
      }
      return undefined;
    },
    finish(key) {
      running.delete(key);
      const isWanted = again.delete(key);
      if (isWanted) waiting.add(key);
      notice();
      return isWanted;
    },
    has: (key) => waiting.has(key) || running.has(key),
    isWaiting: (key) => waiting.has(key) || again.has(key),
    size,
    running: () => running.size,
    drop() {
      waiting.clear();
      again.clear();
      notice();
    },
    idle: () => (size() === 0 ? Promise.resolve() : (idle ??= Promise.withResolvers<void>()).promise),
  };
}
