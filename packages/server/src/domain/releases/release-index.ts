import { BerthError } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { createInformer } from "@berth/kube";
import type { Informer } from "@berth/kube";

import type { Cluster, Watch } from "../clusters/index.ts";
import { toStoredRevision } from "./stored-revision.ts";
import type { StorageKind, StoredRevision } from "./stored-revision.ts";

/** How long a read waits until the cache is as new as asked, in milliseconds. */
const FRESHNESS_WAIT = 2000;

/** The releases of one cluster, from a watch on the metadata of Helm's records. */
export interface ReleaseIndex {
  start(): void;
  stop(): Promise<void>;
  /** Its watches, for whoever measures. */
  watches(): readonly Watch[];
  /** Whether the first list is complete, and if not, why. */
  ready(): { readonly ok: boolean; readonly reason: string };
  /** Newest revision of each release, unsorted. NOT_READY before the first list. */
  newest(): StoredRevision[];
  /** Newest revision of one release; undefined where none is known. */
  find(namespace: string, name: string): StoredRevision | undefined;
  /** Where the release's newest revision is stored; undefined where it is not known. */
  storageOf(namespace: string, name: string): StorageKind | undefined;
  /** Waits up to 2 s for a resourceVersion; NOT_READY where it does not come. */
  waitFor(resourceVersion: string): Promise<void>;
}

/** Makes the index of a cluster: one watch on Secrets, one on ConfigMaps. */
export function createReleaseIndex(cluster: Cluster, log: Logger, clock: Clock): ReleaseIndex {
  const informers = (["secrets", "configmaps"] as const).map((storage) =>
    createRevisionInformer(cluster, storage, log, clock),
  );
  const find = (namespace: string, name: string) =>
    newestOf(informers.flatMap((informer) => informer.byIndex("release", `${namespace}/${name}`)))[0];
  const known = () => informers.every((informer) => informer.hasSynced());
  return {
    start: () => informers.forEach((informer) => informer.start()),
    stop: async () => void (await Promise.all(informers.map((informer) => informer.stop()))),
    watches: () =>
      informers.map((informer, i) => ({ name: i === 0 ? "release-secrets" : "release-configmaps", informer })),
    ready: () => (known() ? { ok: true, reason: "" } : { ok: false, reason: describeState(informers) }),
    newest() {
      if (!known()) throw notReady(cluster.name);
      return newestOf(informers.flatMap((informer) => informer.list()));
    },
    find,
    storageOf: (namespace, name) => find(namespace, name)?.storage,
    async waitFor(resourceVersion) {
      // A record is one object, seen by one watch: the other one hears of the version by a bookmark at the latest.
      const seen = informers.map(async (informer) => {
        if (!(await informer.waitFor(resourceVersion, FRESHNESS_WAIT))) throw notReady(cluster.name);
      });
      await Promise.any(seen).catch(() => {
        throw notReady(cluster.name);
      });
    },
  };
}

function createRevisionInformer(
  cluster: Cluster,
  storage: StorageKind,
  log: Logger,
  clock: Clock,
): Informer<StoredRevision> {
  return createInformer({
    client: cluster.client,
    resource: { group: "", version: "v1", plural: storage },
    labelSelector: "owner=helm",
    metadataOnly: true,
    transform: (object) => toStoredRevision(storage, object.metadata),
    indexes: { release: (revision) => [`${revision.namespace}/${revision.name}`] },
    log,
    clock,
  });
}

function newestOf(revisions: readonly StoredRevision[]): StoredRevision[] {
  const newest = new Map<string, StoredRevision>();
  for (const revision of revisions) {
    const key = `${revision.namespace}/${revision.name}`;
    const other = newest.get(key);
    if (other === undefined || other.revision < revision.revision) newest.set(key, revision);
  }
  return [...newest.values()];
}

function describeState(informers: readonly Informer<StoredRevision>[]): string {
  return informers.map((informer) => informer.state().name).join(", ");
}

function notReady(cluster: string): BerthError {
  return new BerthError("NOT_READY", `The releases of cluster "${cluster}" are not known yet.`);
}
