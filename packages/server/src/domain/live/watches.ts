import type { ObjectName } from "@berth/base";
import type { Informer, KubeObject, Resource } from "@berth/kube";

import type { Cluster } from "../clusters/index.ts";
import { createDiscovery } from "./discovery.ts";
import type { Discovery } from "./discovery.ts";
import { EVENTS, groupOf, neededFor, workloadOf } from "./kinds.ts";
import type { WorkloadKind } from "./kinds.ts";
import { nodeKey, toEvent, toLive, toPresence } from "./live-object.ts";
import type { LiveObject } from "./live-object.ts";
import type { Known } from "./tree.ts";
import type { ReleaseEvent } from "./types.ts";
import type { Lease, WatchPool, Wish } from "./watch-pool.ts";

/** Watches of one release; of further kinds and namespaces the state is looked at now and then. */
const MAX_WATCHES = 64;
/** Milliseconds that the first list of a watch is waited for. */
const PATIENCE = 10_000;
/** What Helm writes on each object that it applies. */
const OF_HELM = "app.kubernetes.io/managed-by=Helm";

/** The watches that a release's objects need. */
export interface Watches extends Known {
  /** Begins those that are needed for these objects, ends the others, and waits until what is to be read is read. Whether any began. */
  arrange(roots: readonly ObjectName[]): Promise<boolean>;
  /** Events on an object (`nodeKey`). */
  events(key: string): readonly ReleaseEvent[];
  /** What could not be read, and why. */
  unread(): readonly string[];
  release(): void;
}

/** What watches are made with. */
export interface WatchesParts {
  readonly pool: WatchPool;
  readonly cluster: Cluster;
  readonly withEvents: boolean;
  /** Whether what is found there may be told; asked again each time. */
  readonly mayList: (resource: Resource, namespace: string) => Promise<boolean>;
  /** Ends what is asked meanwhile. */
  readonly signal: AbortSignal;
  /** Hears of each change; of an object's by its key. */
  readonly onChange: (object?: ObjectName) => void;
}

interface Held {
  readonly what: string;
  readonly namespace: string;
  readonly lease: Pick<Lease<unknown>, "settled" | "release"> & { readonly informer: Informer<never> };
  readonly end: () => void;
}

/** Holds no watch yet. */
export function createWatches({ pool, cluster, withEvents, mayList, signal, onChange }: WatchesParts): Watches {
  const discover = createDiscovery(cluster.client, signal);
  const held = new Map<string, Held>();
  const refused = new Map<string, string>();
  const live = new Map<string, Informer<LiveObject>>();
  const events = new Map<string, Informer<ReleaseEvent>>();

  const hold = <T>(key: string, wish: Wish<T>, told: (object: T) => ObjectName | undefined): Informer<T> => {
    const lease = pool.lease<T>(cluster, wish);
    const end = lease.informer.onChange((change) =>
      onChange(told(change.type === "deleted" ? change.previous : change.object)),
    );
    const { namespace = "" } = wish;
    const what = describeWish(wish.resource, namespace);
    held.set(key, { what, namespace, lease: lease as unknown as Held["lease"], end });
    return lease.informer;
  };
  const drop = (key: string) => {
    held.get(key)?.end();
    held.get(key)?.lease.release();
    for (const map of [held, live, events]) map.delete(key);
  };
  const begin = async ({ key, namespace, kind }: Wanted): Promise<void> => {
    const resource = await resourceOf(discover, kind);
    if (resource === undefined) return;
    const isAllowed = await mayList(resource, namespace);
    if (isAllowed) refused.delete(key);
    else refused.set(key, `${describeWish(resource, namespace)}: not allowed`);
    if (!isAllowed) drop(key);
    // What is released takes nothing any more.
    if (!isAllowed || signal.aborted || held.has(key) || held.size >= MAX_WATCHES) return;
    const place = namespace === "" ? {} : { namespace };
    if (kind === undefined) {
      events.set(
        key,
        hold(key, { ...EVENTS_WISH, ...place }, () => undefined),
      );
    } else {
      const wish = "resource" in kind ? workloadWish(kind) : presenceWish(kind, resource);
      live.set(key, hold(key, { ...wish, ...place }, nameOf));
    }
  };
  return {
    async arrange(roots) {
      const wanted = wantedFor(roots, cluster.watchNamespaces, withEvents);
      for (const key of [...held.keys()]) if (!wanted.has(key)) drop(key);
      for (const key of [...refused.keys()]) if (!wanted.has(key)) refused.delete(key);
      const size = held.size;
      for (const one of wanted.values()) await begin(one);
      await settle([...held.values()]);
      return held.size > size;
    },
    find(object) {
      const { namespace, name } = object;
      return live.get(keyOf(object, namespace))?.get(namespace === "" ? name : `${namespace}/${name}`);
    },
    owned: (owner, namespace) =>
      [...live].flatMap(([key, informer]) =>
        namespace === "" || held.get(key)?.namespace === namespace ? informer.byIndex("owner", owner) : [],
      ),
    events: (key) => [...events.values()].flatMap((informer) => informer.byIndex("object", key)),
    unread: () => [...refused.values(), ...[...held.values()].flatMap((one) => describe(one))],
    release() {
      for (const key of [...held.keys()]) drop(key);
    },
  };
}

async function resourceOf(discover: Discovery, kind: Wanted["kind"]): Promise<Resource | undefined> {
  if (kind === undefined) return EVENTS;
  return "resource" in kind ? kind.resource : discover(kind.apiVersion, kind.kind);
}

const EVENTS_WISH: Wish<ReleaseEvent> = {
  resource: EVENTS,
  indexes: { object: ({ object }) => [nodeKey(object)] },
  transform: toEvent,
};

function workloadWish(kind: WorkloadKind): Wish<LiveObject> {
  return {
    resource: kind.resource,
    indexes: { owner: ({ owners }) => owners.map((one) => one.key) },
    transform: (object) => toLive(kind, object),
  };
}

/** Of what owns no pods it is enough to hear that something has changed: its content never leaves the API server. */
function presenceWish(kind: Pick<ObjectName, "apiVersion" | "kind">, resource: Resource): Wish<LiveObject> {
  const transform = (object: KubeObject) => toPresence(kind, object);
  return { resource, labelSelector: OF_HELM, metadataOnly: true, transform };
}

/** Waits for the first lists, but not for ever. */
async function settle(held: readonly Held[]): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, PATIENCE);
  await Promise.race([Promise.all(held.map(({ lease }) => lease.settled)), over.promise]);
  clearTimeout(timer);
}

/** What is to be watched in a namespace, or where it is empty in all: a kind, or events. */
interface Wanted {
  readonly key: string;
  readonly namespace: string;
  readonly kind: WorkloadKind | Pick<ObjectName, "apiVersion" | "kind"> | undefined;
}

function wantedFor(
  roots: readonly ObjectName[],
  allowed: readonly string[],
  withEvents: boolean,
): ReadonlyMap<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  const want = (kind: Wanted["kind"], namespace: string) => {
    const key = kind === undefined ? `events/${namespace}` : keyOf(kind, namespace);
    if (allowed.length === 0 || allowed.includes(namespace)) wanted.set(key, { key, namespace, kind });
  };
  // What most is lost without comes first.
  for (const root of roots) for (const kind of neededFor(root)) if (root.namespace !== "") want(kind, root.namespace);
  if (withEvents) for (const { namespace } of roots) if (namespace !== "") want(undefined, namespace);
  for (const root of roots) {
    if (workloadOf(root) === undefined) want({ apiVersion: root.apiVersion, kind: root.kind }, root.namespace);
  }
  return wanted;
}

function describeWish({ plural }: Resource, namespace: string): string {
  return namespace === "" ? plural : `${plural} in namespace ${namespace}`;
}

function keyOf({ apiVersion, kind }: Pick<ObjectName, "apiVersion" | "kind">, namespace: string): string {
  return `${groupOf(apiVersion)}/${kind}/${namespace}`;
}

function nameOf({ object }: LiveObject): ObjectName {
  return object;
}

function describe({ what, lease: { informer } }: Held): string[] {
  const state = informer.state();
  const error = "error" in state ? state.error : undefined;
  if (informer.hasSynced() && error === undefined) return [];
  return [`${what}: ${error ?? "not read yet"}`];
}
