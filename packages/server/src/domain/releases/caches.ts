import type { Cluster, Watch } from "../clusters/index.ts";
import type { ReleaseTarget } from "../command.ts";
import { createChangeLog } from "./changes.ts";
import { createDecoder } from "./decoder.ts";
import { findStorage } from "./find-storage.ts";
import type { StorageFinder } from "./find-storage.ts";
import { createReleaseIndex } from "./release-index.ts";
import type { IndexSeams, ReleaseIndex } from "./release-index.ts";
import { createSummaries } from "./summaries.ts";
import type { Summaries } from "./summaries.ts";
import { createReleaseTable } from "./table.ts";
import type { WatchParts } from "./watch.ts";

/** What is known of the releases of each cluster. */
export interface ReleaseCaches extends Omit<WatchParts, "stuckOf" | "sees"> {
  /** Begins to follow a cluster; one of the same name is left before. */
  add(cluster: Cluster): void;
  /** Forgets a cluster. */
  remove(name: string): Promise<void>;
  readonly storageOf: StorageFinder;
  /** Whether a release is known to be stored. */
  isStored(target: ReleaseTarget): boolean;
  watches(): readonly Watch[];
  stop(): Promise<void>;
}

interface Cache {
  readonly cluster: Cluster;
  readonly index: ReleaseIndex;
  readonly summaries: Summaries;
  readonly leave: () => void;
}

/** Makes caches that follow no cluster yet. */
export function createReleaseCaches(seams: IndexSeams): ReleaseCaches {
  const { log, clock } = seams;
  const table = createReleaseTable(log, clock);
  const changes = createChangeLog(table);
  const decoder = createDecoder();
  const caches = new Map<string, Cache>();
  const remove = async (name: string) => {
    const cache = caches.get(name);
    caches.delete(name);
    cache?.leave();
    await cache?.index.stop();
  };
  return {
    ...{ table, changes, clock },
    add(cluster) {
      void remove(cluster.name);
      const index = createReleaseIndex(cluster, seams);
      const summaries = createSummaries(cluster, decoder);
      caches.set(cluster.name, { cluster, index, summaries, leave: table.join(cluster.name, { index, summaries }) });
      index.start();
    },
    remove,
    indexOf: (name) => caches.get(name)?.index,
    summariesOf: (name) => caches.get(name)?.summaries,
    clusterNames: () => [...caches.keys()],
    async storageOf(target) {
      const cache = caches.get(target.cluster);
      return cache === undefined ? undefined : findStorage(cache.cluster, cache.index, target);
    },
    isStored: ({ cluster, namespace, name }) => caches.get(cluster)?.index.find(namespace, name) !== undefined,
    watches: () =>
      [...caches].flatMap(([cluster, { index }]) => index.watches().map((watch) => ({ ...watch, cluster }))),
    async stop() {
      await Promise.all([...caches.keys()].map(remove));
      await decoder.stop();
    },
  };
}
