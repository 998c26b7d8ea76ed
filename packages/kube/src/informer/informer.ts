import { BerthError, backoff } from "@berth/base";

import type { KubeObject } from "../connection.ts";
import { isGone } from "../errors.ts";
import { listPages, watchFrom } from "./source.ts";
import { createStore } from "./store.ts";
import type { CacheChange, Informer, InformerOptions, InformerState } from "./types.ts";
import { createWaiters } from "./waiters.ts";

const RETRY = { initial: 200, max: 15_000 };
/** A watch is renewed after 5 to 10 minutes, so that many do not end at once. */
const WATCH_SECONDS = 300;
/** A watch without event or bookmark for so long is taken as dead; bookmarks come about each minute. */
const SILENCE = 150_000;

/**
 * Makes an informer: lists page by page, watches from there with bookmarks, and
 * lists again where the API server has forgotten (410), telling only what has
 * changed. It goes on for ever, with a jittered backoff, and says what hinders it.
 */
export function createInformer<T>(options: InformerOptions<T>): Informer<T> {
  const { log, clock, resource } = options;
  const random = options.random ?? Math.random;
  const listeners = new Set<(change: CacheChange<T>) => void>();
  const store = createStore<T>(options.indexes ?? {}, (change) => {
    for (const listener of listeners) listener(change);
  });
  const waiters = createWaiters();
  const stopping = new AbortController();
  const synced = Promise.withResolvers<void>();
  let state: InformerState = { name: "idle" };
  let hasSynced = false;
  let running: Promise<void> = Promise.resolve();

  const apply = (object: KubeObject, isDeleted: boolean) => {
    const key = keyOf(object);
    const kept = isDeleted ? undefined : options.transform(object);
    if (kept === undefined) store.remove(key);
    else store.put(key, kept, object.metadata.resourceVersion ?? "");
  };

  /** Reads everything; what is gone since the last time is told as deleted. */
  const listAll = async (): Promise<string> => {
    state = { name: "listing" };
    const keys = new Set<string>();
    const pages = listPages(options, stopping.signal);
    for (;;) {
      const page = await pages.next();
      if (page.done === true) {
        store.retain(keys);
        waiters.advance(page.value);
        hasSynced = true;
        synced.resolve();
        return page.value;
      }
      for (const object of page.value) {
        keys.add(keyOf(object));
        apply(object, false);
      }
    }
  };

  /** Follows changes until the watch ends; gives the resourceVersion to go on from. */
  const follow = async (from: string, seen: (version: string) => void): Promise<void> => {
    const silence = new AbortController();
    const dead = () => silence.abort(new BerthError("CLUSTER_UNREACHABLE", "The watch was silent for too long."));
    let timer = setTimeout(dead, SILENCE);
    const signal = AbortSignal.any([stopping.signal, silence.signal]);
    try {
      const seconds = Math.round(WATCH_SECONDS * (1 + random()));
      state = { name: "watching" };
      for await (const event of watchFrom(options, from, seconds, signal)) {
        clearTimeout(timer);
        timer = setTimeout(dead, SILENCE);
        if (event.type !== "BOOKMARK") apply(event.object, event.type === "DELETED");
        const version = event.object.metadata.resourceVersion ?? from;
        seen(version);
        waiters.advance(version);
      }
    } finally {
      clearTimeout(timer);
    }
  };

  const run = async (): Promise<void> => {
    let version = "";
    for (let attempt = 0; !stopping.signal.aborted;) {
      try {
        if (version === "") version = await listAll();
        await follow(version, (newest) => {
          version = newest;
          attempt = 0;
        });
      } catch (error) {
        if (stopping.signal.aborted) break;
        // Without a place to watch from, or with one that is forgotten: everything is read again.
        if (isGone(error)) version = "";
        const message = error instanceof Error ? error.message : "unknown";
        state = { name: "reconnecting", error: message };
        log.warn({ resource: resource.plural, attempt, error }, "a watch broke; it is taken up again");
        await clock.sleep(backoff(attempt++, RETRY, random), stopping.signal).catch(() => undefined);
      }
    }
    state = { name: "stopped" };
  };

  return {
    start: () => void (running = run()),
    async stop() {
      stopping.abort(new BerthError("UNAVAILABLE", "The informer is stopped."));
      await running;
    },
    state: () => state,
    hasSynced: () => hasSynced,
    synced: (signal) => waitSynced(synced.promise, signal),
    get: (key) => store.get(key),
    list: () => store.list(),
    byIndex: (index, value) => store.byIndex(index, value),
    resourceVersion: () => waiters.current(),
    waitFor: (version, timeoutMs) => waiters.waitFor(version, timeoutMs),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function keyOf({ metadata }: KubeObject): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

async function waitSynced(synced: Promise<void>, signal?: AbortSignal): Promise<void> {
  if (signal === undefined) return synced;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([synced, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
