import { BerthError } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { createInformer, until } from "@berth/kube";

import type { Cluster, Watch } from "../clusters/index.ts";
import { declaredClusters } from "./resource.ts";
import type { ClusterObject } from "./resource.ts";

/** How long a write waits until the cache has it, in milliseconds. */
const FRESHNESS_WAIT = 2000;

/** The clusters that are declared in the home cluster, from a watch. */
export interface ClusterCache {
  start(): void;
  stop(): Promise<void>;
  watches(): readonly Watch[];
  get(name: string): ClusterObject | undefined;
  /** NOT_READY before the first list. */
  list(): readonly ClusterObject[];
  waitFor(resourceVersion: string): Promise<void>;
  onChange(listener: (name: string) => void): () => void;
  /** Waits, at most so many milliseconds, until the cache says what is waited for. */
  until(isSo: () => boolean, timeoutMs: number): Promise<void>;
}

/** Makes the cache. */
export function createClusterCache(home: Cluster, log: Logger, clock: Clock): ClusterCache {
  const informer = createInformer<ClusterObject>({
    ...{ client: home.client, resource: declaredClusters, log, clock },
    transform: (object) => object as ClusterObject,
  });
  return {
    start: () => informer.start(),
    stop: () => informer.stop(),
    watches: () => [{ name: "clusters", informer }],
    get: (name) => informer.get(name),
    list() {
      if (informer.hasSynced()) return informer.list();
      throw new BerthError("NOT_READY", "The clusters are not known yet.");
    },
    waitFor: async (resourceVersion) => void (await informer.waitFor(resourceVersion, FRESHNESS_WAIT)),
    onChange: (listener) => informer.onChange(({ key }) => listener(key)),
    until: async (isSo, timeoutMs) => void (await until(informer, clock, isSo, timeoutMs)),
  };
}
