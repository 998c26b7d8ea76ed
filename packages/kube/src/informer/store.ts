import type { CacheChange } from "./types.ts";

type IndexFunctions<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

interface Entry<T> {
  readonly object: T;
  readonly resourceVersion: string;
}

/** Objects by key, and by their indexes. Each change is told once, after it was made. */
export interface Store<T> {
  get(key: string): T | undefined;
  list(): T[];
  byIndex(index: string, value: string): T[];
  /** Keeps an object; an unchanged resourceVersion is no change. */
  put(key: string, object: T, resourceVersion: string): void;
  remove(key: string): void;
  /** Removes whatever is not among `keys`: what was deleted while nobody watched. */
  retain(keys: ReadonlySet<string>): void;
}

/** An empty store. */
export function createStore<T>(indexes: IndexFunctions<T>, onChange: (change: CacheChange<T>) => void): Store<T> {
  const entries = new Map<string, Entry<T>>();
  const found = new Map(Object.keys(indexes).map((name) => [name, new Map<string, Set<string>>()]));
  const index = (key: string, object: T, add: boolean) => {
    for (const [name, values] of Object.entries(indexes)) {
      const byValue = found.get(name) as Map<string, Set<string>>;
      for (const value of values(object)) {
        const keys = byValue.get(value) ?? new Set();
        if (add) byValue.set(value, keys.add(key));
        else if (keys.delete(key) && keys.size === 0) byValue.delete(value);
      }
    }
  };
  const remove = (key: string) => {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    index(key, entry.object, false);
    onChange({ type: "deleted", key, previous: entry.object });
  };
  return {
    get: (key) => entries.get(key)?.object,
    list: () => Array.from(entries.values(), (entry) => entry.object),
    byIndex(name, value) {
      const keys = found.get(name)?.get(value) ?? [];
      return Array.from(keys, (key) => (entries.get(key) as Entry<T>).object);
    },
    put(key, object, resourceVersion) {
      const before = entries.get(key);
      if (before?.resourceVersion === resourceVersion) return;
      if (before !== undefined) index(key, before.object, false);
      entries.set(key, { object, resourceVersion });
      index(key, object, true);
      onChange(
        before === undefined
          ? { type: "added", key, object }
          : { type: "modified", key, object, previous: before.object },
      );
    },
    remove,
    retain(keys) {
      for (const key of [...entries.keys()]) if (!keys.has(key)) remove(key);
    },
  };
}
