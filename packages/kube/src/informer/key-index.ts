import type { IndexFunctions } from "./types.ts";

/** Finds keys by what index functions say of their objects. */
export interface KeyIndex<T> {
  add(key: string, object: T): void;
  remove(key: string, object: T): void;
  find(index: string, value: string): Iterable<string>;
}

/** An empty index. */
export function createKeyIndex<T>(functions: IndexFunctions<T>): KeyIndex<T> {
  const indexes = Object.entries(functions).map(([name, valuesOf]) => ({
    name,
    valuesOf,
    keys: new Map<string, Set<string>>(),
  }));
  return {
    add(key, object) {
      for (const { valuesOf, keys } of indexes) {
        for (const value of valuesOf(object)) {
          const found = keys.get(value);
          if (found === undefined) keys.set(value, new Set([key]));
          else found.add(key);
        }
      }
    },
    remove(key, object) {
      for (const { valuesOf, keys } of indexes) {
        for (const value of valuesOf(object)) {
          const found = keys.get(value);
          if (found?.delete(key) === true && found.size === 0) keys.delete(value);
        }
      }
    },
    find: (name, value) => indexes.find((index) => index.name === name)?.keys.get(value) ?? [],
  };
}
