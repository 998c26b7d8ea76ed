import { createKeyIndex } from "./key-index.ts";
import type { CacheChange, IndexFunctions } from "./types.ts";

/** What is kept of an object, and which version of which object it is. */
export interface Entry<T> {
  readonly object: T;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Objects by key, and by their indexes. Each change is told once, after it was made. */
export interface Store<T> {
  size(): number;
  get(key: string): T | undefined;
  entry(key: string): Entry<T> | undefined;
  list(): T[];
  byIndex(index: string, value: string): T[];
  /** Keeps an object; an unchanged resourceVersion is no change. */
  put(key: string, entry: Entry<T>): void;
  remove(key: string): void;
  /** Makes the store hold just this; tells only what differs, deletions first. */
  replace(entries: ReadonlyMap<string, Entry<T>>): void;
}

/** An empty store. */
export function createStore<T>(indexes: IndexFunctions<T>, tell: (change: CacheChange<T>) => void): Store<T> {
  const entries = new Map<string, Entry<T>>();
  const index = createKeyIndex(indexes);
  const remove = (key: string) => {
    const before = entries.get(key);
    if (before === undefined) return;
    entries.delete(key);
    index.remove(key, before.object);
    tell({ type: "deleted", key, previous: before.object });
  };
  const put = (key: string, entry: Entry<T>) => {
    // The same name, another object: its deletion was not seen.
    if ((entries.get(key)?.uid ?? entry.uid) !== entry.uid) remove(key);
    const before = entries.get(key);
    if (before?.resourceVersion === entry.resourceVersion) return;
    if (before !== undefined) index.remove(key, before.object);
    entries.set(key, entry);
    index.add(key, entry.object);
    const { object } = entry;
    tell(
      before === undefined
        ? { type: "added", key, object }
        : { type: "modified", key, object, previous: before.object },
    );
  };
  return {
    size: () => entries.size,
    get: (key) => entries.get(key)?.object,
    entry: (key) => entries.get(key),
    list: () => Array.from(entries.values(), (entry) => entry.object),
    byIndex: (name, value) => Array.from(index.find(name, value), (key) => (entries.get(key) as Entry<T>).object),
    put,
    remove,
    replace(next) {
      for (const key of [...entries.keys()]) if (!next.has(key)) remove(key);
      for (const [key, entry] of next) put(key, entry);
    },
  };
}
