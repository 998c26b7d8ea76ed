import { BerthError } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { createInformer, until } from "@berth/kube";
import type { KubeObject } from "@berth/kube";

import type { Cluster, Watch } from "../clusters/index.ts";
import { chartSources } from "./resource.ts";
import type { SourceObject } from "./resource.ts";
import { secrets } from "./secret.ts";

/** How long a write waits until the cache has it, in milliseconds. */
const FRESHNESS_WAIT = 2000;

/** The chart sources of the home cluster, from a watch, and news of the Secrets they name. */
export interface SourceCache {
  start(): void;
  stop(): Promise<void>;
  /** Its watches, for whoever measures. */
  watches(): readonly Watch[];
  /** By `namespace/name`. */
  get(key: string): SourceObject | undefined;
  inNamespace(namespace: string): readonly SourceObject[];
  /** All of them. NOT_READY before the first list. */
  list(): readonly SourceObject[];
  /** Waits, not for ever, until the cache has a resourceVersion. */
  waitFor(resourceVersion: string): Promise<void>;
  /** Hears the key of each source that changes, or whose Secret does. */
  onChange(listener: (key: string) => void): () => void;
  /** Waits, at most so many milliseconds, until the cache says what is waited for. */
  until(isSo: () => boolean, timeoutMs: number): Promise<void>;
}

/** Makes the cache: a watch on the sources, and one on the metadata of all Secrets but Helm's. */
export function createSourceCache(home: Cluster, log: Logger, clock: Clock): SourceCache {
  const common = { client: home.client, log, clock };
  const sources = createInformer<SourceObject>({
    ...common,
    resource: chartSources,
    transform: (object) => withoutManagers(object) as SourceObject,
    indexes: {
      namespace: ({ metadata }) => [metadata.namespace ?? ""],
      secret: ({ metadata, spec }) =>
        spec.secretRef === undefined ? [] : [`${metadata.namespace}/${spec.secretRef.name}`],
    },
  });
  const named = createInformer<true>({
    ...common,
    resource: secrets,
    labelSelector: "owner!=helm",
    metadataOnly: true,
    // What is in a Secret is read when it is used; that it changed is all there is to know.
    transform: () => true,
  });
  return {
    start() {
      sources.start();
      named.start();
    },
    stop: async () => void (await Promise.all([sources.stop(), named.stop()])),
    watches: () => [
      { name: "chart-sources", informer: sources },
      { name: "chart-source-secrets", informer: named },
    ],
    get: (key) => sources.get(key),
    inNamespace: (namespace) => sources.byIndex("namespace", namespace),
    list() {
      if (sources.hasSynced()) return sources.list();
      throw new BerthError("NOT_READY", "The chart sources are not known yet.");
    },
    waitFor: async (resourceVersion) => void (await sources.waitFor(resourceVersion, FRESHNESS_WAIT)),
    onChange(listener) {
      const keysOf = (secret: string) => sources.byIndex("secret", secret).map(toKey);
      const ends = [
        sources.onChange(({ key }) => listener(key)),
        named.onChange(({ key }) => keysOf(key).forEach(listener)),
      ];
      return () => ends.forEach((end) => end());
    },
    until: async (isSo, timeoutMs) => void (await until(sources, clock, isSo, timeoutMs)),
  };
}

function toKey({ metadata }: SourceObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** Who owns which field is half of an object, and nobody here asks. */
function withoutManagers(object: KubeObject): KubeObject {
  const { managedFields: _managers, ...metadata } = object.metadata as KubeObject["metadata"] & {
    managedFields?: unknown;
  };
  return { ...object, metadata };
}
