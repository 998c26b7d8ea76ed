import type { Clock, Logger } from "@berth/base";
import { createInformer } from "@berth/kube";
import type { Informer, InformerOptions, KubeObject, Resource } from "@berth/kube";

import { freshnessOf } from "../clusters/index.ts";
import type { Cluster, Freshness, Watch } from "../clusters/index.ts";
import { duplicatesIn } from "./places.ts";
import type { Duplicate } from "./places.ts";
import { addressPools, addresses, exposures, isDeleting, poolOf, portClaims, readyOf } from "./resource.ts";
import type { AddressObject, ClaimObject, ExposureObject, PoolObject } from "./resource.ts";
import type { ServiceObject } from "./service.ts";
import { createTally } from "./tally.ts";
import type { Tally } from "./tally.ts";

/** Annotation by which Helm says whose an object is. */
const RELEASE = "meta.helm.sh/release-name";

/** What exposures are decided by, of one cluster, from watches. Keys are `namespace/name`, or `name`. */
export interface ExposureCache {
  readonly pools: Informer<PoolObject>;
  /** Index `pool`. */
  readonly addresses: Informer<AddressObject>;
  /** Indexes `exposure` (uid), `slot`, `reservation` (id). */
  readonly claims: Informer<ClaimObject>;
  /** Indexes `pool`, `slot`, `service`, `release` and `namespace`. */
  readonly exposures: Informer<ExposureObject>;
  /** Index `namespace`. */
  readonly services: Informer<ServiceObject>;
  /** Labels of each namespace. */
  readonly namespaces: Informer<Readonly<Record<string, string>>>;
  /** Claims on each address. */
  readonly tally: Tally;
  /** Addresses whose place another one has. */
  duplicates(): ReadonlyMap<string, Duplicate>;
  /** Addresses of a pool that carry ports, the oldest first. */
  usable(pool: string): readonly AddressObject[];
  start(): void;
  stop(): Promise<void>;
  /** Its watches, for whoever measures. */
  watches(): readonly Watch[];
  freshness(): Freshness;
  /** Whether everything was read once, and if not, what is missing. */
  ready(): { readonly ok: boolean; readonly reason: string };
}

/** Makes the cache: six watches. */
export function createExposureCache({ client }: Cluster, log: Logger, clock: Clock): ExposureCache {
  const make = <T extends KubeObject>(resource: Resource, indexes: InformerOptions<T>["indexes"]): Informer<T> =>
    createInformer<T>({
      ...{ client, log, clock, resource, indexes },
      transform: (object) => withoutManagers(object) as T,
    });
  const pools = make<PoolObject>(addressPools, {});
  const all = make<AddressObject>(addresses, { pool: ({ spec }) => [spec.pool] });
  const claims = make<ClaimObject>(portClaims, {
    exposure: ({ spec }) => (spec.exposure === undefined ? [] : [spec.exposure.uid]),
    slot: ({ spec }) => [spec.slot],
    reservation: ({ spec }) => (spec.reservation === undefined ? [] : [spec.reservation.id]),
  });
  const wishes = make<ExposureObject>(exposures, {
    pool: ({ spec }) => [poolOf(spec)],
    slot: ({ status }) => (status?.claim === undefined ? [] : [status.claim.slot]),
    service: ({ metadata, spec }) => [`${metadata.namespace}/${spec.service.name}`],
    release: (object) => [...releasesOf(object)].map((name) => `${object.metadata.namespace}/${name}`),
    namespace: ({ metadata }) => [metadata.namespace ?? ""],
  });
  const services = createInformer<ServiceObject>({
    ...{ client, log, clock, resource: { group: "", version: "v1", plural: "services" } },
    transform: (object) => slim(object as ServiceObject),
    indexes: { namespace: ({ metadata }) => [metadata.namespace ?? ""] },
  });
  const namespaces = createInformer<Readonly<Record<string, string>>>({
    ...{ client, log, clock, resource: { group: "", version: "v1", plural: "namespaces" }, metadataOnly: true },
    transform: ({ metadata }) => metadata.labels ?? {},
  });
  const parts = { pools, addresses: all, claims, exposures: wishes, services, namespaces };
  const informers = Object.entries(parts) as readonly [string, Informer<unknown>][];
  let duplicates: ReadonlyMap<string, Duplicate> | undefined;
  all.onChange(() => (duplicates = undefined));
  const known = () => (duplicates ??= duplicatesIn(all.list()));
  return {
    ...parts,
    tally: createTally(claims),
    duplicates: known,
    usable: (pool) =>
      all
        .byIndex("pool", pool)
        .filter((one) => isUsable(one) && !known().has(one.metadata.name))
        .sort(byAge),
    start: () => informers.forEach(([, informer]) => informer.start()),
    stop: async () => void (await Promise.all(informers.map(([, informer]) => informer.stop()))),
    watches: () => informers.map(([name, informer]) => ({ name, informer })),
    freshness: () => freshnessOf([pools, all, claims, wishes], "exposures"),
    ready() {
      const missing = informers.filter(([, informer]) => !informer.hasSynced()).map(([name]) => name);
      return { ok: missing.length === 0, reason: missing.join(", ") };
    },
  };
}

/** Release that an object says it belongs to; empty for none. */
export function releaseOf({ metadata }: KubeObject): string {
  return metadata.annotations?.[RELEASE] ?? "";
}

function isUsable(address: AddressObject): boolean {
  return !isDeleting(address) && readyOf(address.status)?.status === "True";
}

function byAge(a: AddressObject, b: AddressObject): number {
  const of = ({ metadata }: AddressObject) => `${metadata.creationTimestamp ?? ""} ${metadata.name}`;
  return of(a) < of(b) ? -1 : 1;
}

function releasesOf({ spec, status }: ExposureObject): ReadonlySet<string> {
  return new Set([spec.release?.name ?? "", status?.release ?? ""].filter((name) => name !== ""));
}

/** Of the Services of a whole cluster only this is kept. */
function slim({ metadata, spec, status }: ServiceObject): ServiceObject {
  const { name, namespace, uid, labels, annotations } = metadata;
  const release = annotations?.[RELEASE];
  const { type, clusterIP, selector, ports } = spec;
  const own = labels?.["berth.dev/exposure"];
  return {
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(own === undefined ? {} : { labels: { "berth.dev/exposure": own } }),
      ...(release === undefined ? {} : { annotations: { [RELEASE]: release } }),
    },
    spec: {
      ...(type === undefined ? {} : { type }),
      ...(clusterIP === undefined ? {} : { clusterIP }),
      ...(selector === undefined ? {} : { selector }),
      ...(ports === undefined ? {} : { ports }),
    },
    ...(status?.loadBalancer?.ingress === undefined ? {} : { status: { loadBalancer: status.loadBalancer } }),
  };
}

/** Who owns which field is half of an object, and nobody here asks. */
function withoutManagers(object: KubeObject): KubeObject {
  const { managedFields: _managers, ...metadata } = object.metadata;
  return { ...object, metadata };
}
