import type { Logger } from "@berth/base";

import type { CacheChange } from "./types.ts";

/** Those who follow a cache's changes. */
export interface Listeners<T> {
  /** Adds one; the function given back removes it. */
  add(listener: (change: CacheChange<T>) => void): () => void;
  /** Tells all. One that throws hinders neither the others nor the cache. */
  tell(change: CacheChange<T>): void;
}

/** Nobody listens. */
export function createListeners<T>(log: Logger, resource: string): Listeners<T> {
  const listeners = new Set<(change: CacheChange<T>) => void>();
  return {
    add(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell(change) {
      for (const listener of listeners) {
        try {
          listener(change);
        } catch (error) {
          log.error({ resource, key: change.key, error }, "a listener of a cache failed");
        }
      }
    },
  };
}
