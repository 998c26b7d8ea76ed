import { BerthError } from "@berth/base";
import type { Logger } from "@berth/base";

import { keyOf } from "../object.ts";
import type { KubeObject } from "../object.ts";
import { isNewer } from "../resource-version.ts";
import type { Collect, Collection } from "./collect.ts";
import type { WatchEvent } from "./source.ts";
import type { Entry, Store } from "./store.ts";
import type { InformerOptions } from "./types.ts";
import type { Waiters } from "./waiters.ts";

const MAX_OBJECTS = 500_000;

/** What it means that there is more than a cache may hold. */
function overLimit(limit: number, plural: string): BerthError {
  return new BerthError("EXHAUSTED", `There are more than ${limit} ${plural}.`, { details: { limit: String(limit) } });
}

/** How many objects a cache may hold, where it refuses more: undefined for any other error. */
export function exceededLimit(error: unknown): number | undefined {
  if (!(error instanceof BerthError) || error.code !== "EXHAUSTED" || error.details.limit === undefined)
    return undefined;
  return Number(error.details.limit);
}

/** Brings lists and events into a store, in the order of their resource versions. */
export interface Cache {
  /** Takes one event of a watch; what the store already knows is skipped. */
  take(event: WatchEvent): void;
  /**
   * Reads everything and tells what differs. Skipped where the store is newer by
   * then, unless `force`: after a 410 whatever the API server says is the truth.
   */
  refresh(signal: AbortSignal, force: boolean): Promise<void>;
}

/** Makes the cache over a store. */
export function createCache<T>(
  options: Pick<InformerOptions<T>, "resource" | "transform" | "maxObjects"> & { readonly log: Logger },
  store: Store<T>,
  waiters: Waiters,
  collect: Collect,
): Cache {
  const { log, resource, maxObjects = MAX_OBJECTS } = options;
  const keep = (object: KubeObject): Entry<T> | undefined => {
    const { uid = "", resourceVersion = "" } = object.metadata;
    const known = store.entry(keyOf(object));
    if (known?.uid === uid && known.resourceVersion === resourceVersion) return known;
    try {
      const kept = options.transform(object);
      return kept === undefined ? undefined : { object: kept, uid, resourceVersion };
    } catch (error) {
      log.error({ resource: resource.plural, key: keyOf(object), error }, "an object cannot be kept");
      return undefined;
    }
  };
  const limit = (size: number) => {
    if (size > maxObjects) throw overLimit(maxObjects, resource.plural);
  };
  return {
    take({ type, object }) {
      const version = object.metadata.resourceVersion ?? "";
      // A list that was read beside the watch already held it.
      if (!isNewer(version, waiters.current())) return;
      if (type !== "BOOKMARK") {
        const key = keyOf(object);
        const entry = type === "DELETED" ? undefined : keep(object);
        if (entry === undefined) store.remove(key);
        else {
          if (store.entry(key) === undefined) limit(store.size() + 1);
          store.put(key, entry);
        }
      }
      waiters.advance(version);
    },
    async refresh(signal, force) {
      const entries = new Map<string, Entry<T>>();
      const collection: Collection = {
        add(object) {
          const entry = keep(object);
          if (entry === undefined) entries.delete(keyOf(object));
          else entries.set(keyOf(object), entry);
          limit(entries.size);
        },
        remove: (object) => void entries.delete(keyOf(object)),
        clear: () => entries.clear(),
      };
      const before = waiters.current();
      const version = await collect(collection, signal);
      signal.throwIfAborted();
      const isOvertaken = waiters.current() !== before;
      if (!(force && !isOvertaken) && !isNewer(version, waiters.current())) return;
      store.replace(entries);
      waiters.reset(version);
    },
  };
}
