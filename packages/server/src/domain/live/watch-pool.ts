import type { Clock, Logger } from "@berth/base";
import { createInformer } from "@berth/kube";
import type { Informer, InformerOptions } from "@berth/kube";

import type { Cluster } from "../clusters/index.ts";

/** Milliseconds that a watch goes on after the last who needed it. */
const LINGER = 10_000;
/** Objects of one watch. */
const MAX_OBJECTS = 50_000;

/** What is watched; the same words share a watch. */
export type Wish<T> = Pick<
  InformerOptions<T>,
  "resource" | "namespace" | "labelSelector" | "metadataOnly" | "transform" | "indexes"
>;

/** A watch that somebody needs. */
export interface Lease<T> {
  readonly informer: Informer<T>;
  /** Resolves once everything was read, or could not be at the first try. */
  readonly settled: Promise<void>;
  /** Nobody here needs it any more. */
  release(): void;
}

/** Watches that begin with the first who needs them, and end soon after the last. */
export interface WatchPool {
  lease<T>(cluster: Cluster, wish: Wish<T>): Lease<T>;
  /** How many are open. */
  size(): number;
  stop(): Promise<void>;
}

interface Entry {
  readonly client: Cluster["client"];
  readonly informer: Informer<unknown>;
  readonly settled: Promise<void>;
  users: number;
  linger: AbortController | undefined;
}

/** A pool without watches. */
export function createWatchPool(log: Logger, clock: Clock): WatchPool {
  const entries = new Map<string, Entry>();
  const all = new Set<Entry>();
  const end = async (key: string, entry: Entry) => {
    if (entries.get(key) === entry) entries.delete(key);
    all.delete(entry);
    entry.linger?.abort();
    await entry.informer.stop();
  };
  const release = (key: string, entry: Entry) => {
    if (--entry.users > 0) return;
    const linger = new AbortController();
    entry.linger = linger;
    void clock.sleep(LINGER, linger.signal).then(
      () => end(key, entry),
      () => undefined,
    );
  };
  return {
    lease<T>(cluster: Cluster, wish: Wish<T>): Lease<T> {
      const { resource, namespace = "*", labelSelector = "" } = wish;
      const words = [cluster.name, resource.group, resource.version, resource.plural, namespace, labelSelector];
      const key = words.join(" ");
      let entry = entries.get(key);
      // The cluster may have got another connection.
      if (entry === undefined || entry.client !== cluster.client) {
        entry = open({ ...wish, client: cluster.client, log, clock, maxObjects: MAX_OBJECTS });
        entries.set(key, entry);
        all.add(entry);
      }
      entry.users++;
      entry.linger?.abort();
      const taken = entry;
      let isReleased = false;
      return {
        informer: taken.informer as Informer<T>,
        settled: taken.settled,
        release() {
          if (!isReleased) release(key, taken);
          isReleased = true;
        },
      };
    },
    size: () => all.size,
    async stop() {
      await Promise.all([...all].map(async (entry) => end("", entry)));
      entries.clear();
    },
  };
}

function open<T>(options: InformerOptions<T>): Entry {
  const settled = Promise.withResolvers<void>();
  const informer = createInformer<T>({
    ...options,
    onState({ name }) {
      if (name !== "starting") settled.resolve();
    },
  });
  informer.start();
  return {
    ...{ client: options.client, informer, users: 0, linger: undefined },
    settled: settled.promise,
  };
}
