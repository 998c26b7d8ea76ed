import { BerthError } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { createInformer } from "@berth/kube";
import type { CacheChange, Informer } from "@berth/kube";

import { freshnessOf } from "../clusters/index.ts";
import type { Cluster, Freshness, Watch } from "../clusters/index.ts";
import { toStoredRevision } from "./stored-revision.ts";
import type { StorageKind, StoredRevision } from "./stored-revision.ts";

const STORAGES = ["secrets", "configmaps"] as const satisfies readonly StorageKind[];
/** How long a read waits until the cache is as new as asked, in milliseconds. */
const FRESHNESS_WAIT = 2000;

/** What became of a release: its newest revision before and after; both are there but for a new and a gone one. */
export interface NewestChange {
  /** `namespace/name`. */
  readonly key: string;
  readonly before: StoredRevision | undefined;
  readonly after: StoredRevision | undefined;
}

/** The releases of one cluster, from a watch on the metadata of Helm's records. */
export interface ReleaseIndex {
  start(): void;
  stop(): Promise<void>;
  /** Its watches, for whoever measures. */
  watches(): readonly Watch[];
  /** Whether it can say what it knows: the first list is complete, or there is more than it takes. If not, why. */
  ready(): { readonly ok: boolean; readonly reason: string };
  /** Whether the first list is complete. */
  isKnown(): boolean;
  freshness(): Freshness;
  /** NOT_READY before the first list; TOO_MANY_REVISIONS while there are more than it takes. */
  checkKnown(): void;
  /** Every stored revision that is known, unsorted. */
  revisions(): StoredRevision[];
  /** Known revisions of one release, unsorted. */
  revisionsOf(namespace: string, name: string): readonly StoredRevision[];
  /** Newest revision of one release; undefined where none is known. */
  find(namespace: string, name: string): StoredRevision | undefined;
  /** Where the release's newest revision is stored; undefined where it is not known. */
  storageOf(namespace: string, name: string): StorageKind | undefined;
  /** Whether what a namespace has now is known. */
  sees(namespace: string): boolean;
  /** Waits up to 2 s for a resourceVersion; NOT_READY where it does not come. */
  waitFor(resourceVersion: string): Promise<void>;
  /** Hears what becomes of the releases; the function given back ends it. */
  onNewest(listener: (change: NewestChange) => void): () => void;
}

/** What an index takes beside its cluster. */
export interface IndexSeams {
  readonly log: Logger;
  readonly clock: Clock;
  /** Stored revisions that one watch may hold. */
  readonly maxRevisions: number;
}

/** Makes the index of a cluster: one watch on Secrets, one on ConfigMaps, or these two for each namespace that it is narrowed to. */
export function createReleaseIndex(cluster: Cluster, seams: IndexSeams): ReleaseIndex {
  const narrowed: readonly (string | undefined)[] =
    cluster.watchNamespaces.length === 0 ? [undefined] : cluster.watchNamespaces;
  const places = narrowed.flatMap((namespace) => STORAGES.map((storage) => ({ namespace, storage })));
  const informers = places.map((place) => createRevisionInformer(cluster, place, seams));
  const { newest, onNewest } = followNewest(informers);
  const find = (namespace: string, name: string) => newest.get(`${namespace}/${name}`);
  const known = () => informers.every((informer) => informer.hasSynced());
  const full = () => informers.some((informer) => informer.state().name === "full");
  return {
    start: () => informers.forEach((informer) => informer.start()),
    stop: async () => void (await Promise.all(informers.map((informer) => informer.stop()))),
    watches: () => informers.map((informer, i) => ({ name: nameOf(places[i] as Place), informer })),
    ready: () => (known() || full() ? { ok: true, reason: "" } : { ok: false, reason: describeState(informers) }),
    isKnown: known,
    freshness: () => freshnessOf(informers, "releases"),
    checkKnown() {
      if (full()) throw tooMany(cluster.name, seams.maxRevisions);
      if (!known()) throw notReady(cluster.name);
    },
    revisions: () => informers.flatMap((informer) => informer.list()),
    revisionsOf: (namespace, name) => informers.flatMap((one) => one.byIndex("release", `${namespace}/${name}`)),
    find,
    storageOf: (namespace, name) => find(namespace, name)?.storage,
    sees: (namespace) =>
      freshnessOf(informers, "releases").isCurrent && (narrowed.includes(undefined) || narrowed.includes(namespace)),
    async waitFor(resourceVersion) {
      // A record is one object, seen by one watch: the other one hears of the version by a bookmark at the latest.
      const seen = informers.map(async (informer) => {
        if (!(await informer.waitFor(resourceVersion, FRESHNESS_WAIT))) throw notReady(cluster.name);
      });
      await Promise.any(seen).catch(() => {
        throw notReady(cluster.name);
      });
    },
    onNewest,
  };
}

/** Keeps the newest revision of each release as the watches tell of revisions. */
function followNewest(informers: readonly Informer<StoredRevision>[]) {
  const newest = new Map<string, StoredRevision>();
  const listeners = new Set<(change: NewestChange) => void>();
  const look = (change: CacheChange<StoredRevision>) => {
    const { namespace, name } = change.type === "deleted" ? change.previous : change.object;
    const key = `${namespace}/${name}`;
    const before = newest.get(key);
    const after = newestOf(informers.flatMap((informer) => informer.byIndex("release", key)));
    if (before === after) return;
    if (after === undefined) newest.delete(key);
    else newest.set(key, after);
    for (const listener of listeners) listener({ key, before, after });
  };
  for (const informer of informers) informer.onChange(look);
  return {
    newest,
    onNewest(listener: (change: NewestChange) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** What one watch looks at: one namespace, or all. */
interface Place {
  readonly namespace: string | undefined;
  readonly storage: StorageKind;
}

function nameOf({ namespace, storage }: Place): string {
  return namespace === undefined ? `release-${storage}` : `release-${storage}:${namespace}`;
}

function createRevisionInformer(
  cluster: Cluster,
  { namespace, storage }: Place,
  { log, clock, maxRevisions }: IndexSeams,
): Informer<StoredRevision> {
  return createInformer({
    client: cluster.client,
    resource: { group: "", version: "v1", plural: storage },
    namespace,
    labelSelector: "owner=helm",
    metadataOnly: true,
    transform: (object) => toStoredRevision(storage, object.metadata),
    indexes: { release: (revision) => [`${revision.namespace}/${revision.name}`] },
    maxObjects: maxRevisions,
    ...{ log, clock },
  });
}

function newestOf(revisions: readonly StoredRevision[]): StoredRevision | undefined {
  let newest: StoredRevision | undefined;
  for (const revision of revisions) {
    if (newest === undefined || newest.revision < revision.revision) newest = revision;
  }
  return newest;
}

function describeState(informers: readonly Informer<StoredRevision>[]): string {
  return informers.map((informer) => informer.state().name).join(", ");
}

function notReady(cluster: string): BerthError {
  return new BerthError("NOT_READY", `The releases of cluster "${cluster}" are not known yet.`);
}

function tooMany(cluster: string, limit: number): BerthError {
  const message = `Cluster "${cluster}" has more than ${String(limit)} stored revisions.`;
  return new BerthError("TOO_MANY_REVISIONS", message, { details: { limit: String(limit) } });
}
