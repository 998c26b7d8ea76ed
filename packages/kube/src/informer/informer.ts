import { BerthError } from "@berth/base";

import { raceSignal } from "../race-signal.ts";
import { checkResourceVersion } from "../resource-version.ts";
import { createCache } from "./cache.ts";
import { createCollect } from "./collect.ts";
import { createListeners } from "./listeners.ts";
import { createProver } from "./prover.ts";
import { runInformer } from "./run.ts";
import type { WatchEvent } from "./source.ts";
import { createStore } from "./store.ts";
import type { Informer, InformerOptions, InformerState } from "./types.ts";
import { createWaiters } from "./waiters.ts";

/**
 * Makes an informer: reads the list, watches from there with bookmarks, and
 * reads the list again where the API server has forgotten (410), telling only
 * what has changed. It goes on for ever, with a jittered backoff, and says what
 * hinders it. Meanwhile it holds what it knew.
 */
export function createInformer<T>(options: InformerOptions<T>): Informer<T> {
  const { log, clock, resource } = options;
  const random = options.random ?? Math.random;
  const listeners = createListeners<T>(log, resource.plural);
  const store = createStore<T>(options.indexes ?? {}, listeners.tell);
  const waiters = createWaiters(clock);
  const cache = createCache(options, store, waiters, createCollect(options));
  let heard = -Infinity;
  const hear = () => void (heard = clock.monotonic());
  const stopping = new AbortController();
  const { signal } = stopping;
  const synced = Promise.withResolvers<void>();
  synced.promise.catch(() => undefined);
  let state: InformerState = { name: "idle" };
  let running: Promise<void> | undefined;

  const prove = createProver(waiters, (until) => cache.refresh(until, false), { log, clock, signal });
  const enter = (next: InformerState) => {
    state = next;
    options.onState?.(next);
  };
  const position = () => waiters.current();
  const take = (event: WatchEvent) => {
    hear();
    cache.take(event);
  };
  const onSynced = () => {
    hear();
    synced.resolve();
  };
  const parts = { options: { ...options, random }, cache: { ...cache, take }, position, enter, onSynced };

  return {
    start: () => void (running ??= runInformer(parts, signal)),
    async stop() {
      const stopped = new BerthError("UNAVAILABLE", "The informer is stopped.");
      stopping.abort(stopped);
      synced.reject(stopped);
      await running;
      if (state.name !== "stopped") enter({ name: "stopped" });
    },
    state: () => state,
    hasSynced: () => waiters.current() !== "",
    synced: (until) => raceSignal(synced.promise, until),
    size: () => store.size(),
    silentMs: () => clock.monotonic() - heard,
    get: (key) => store.get(key),
    list: () => store.list(),
    byIndex: (index, value) => store.byIndex(index, value),
    resourceVersion: position,
    async waitFor(version, timeoutMs, until) {
      const waiting = waiters.waitFor(checkResourceVersion(version), timeoutMs, until);
      if (waiters.longest() !== undefined && waiters.current() !== "") prove();
      return waiting;
    },
    onChange: (listener) => listeners.add(listener),
  };
}
