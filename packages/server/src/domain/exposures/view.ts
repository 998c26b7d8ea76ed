import { BerthError } from "@berth/base";
import { getObject } from "@berth/kube";
import type { CacheChange, KubeClient } from "@berth/kube";

import type { Access, Principal } from "../access/index.ts";
import { staleCluster } from "../clusters/index.ts";
import type { ExposureCache } from "./cache.ts";
import { toExposure, toPool } from "./from-object.ts";
import { unknown } from "./objects.ts";
import { addressPools, exposures } from "./resource.ts";
import type { ExposureObject, PoolObject } from "./resource.ts";
import type { Exposure, ExposureQuery, ExposureView, News, Pool, PoolView } from "./types.ts";
import { changesOf } from "./until.ts";

/** What the views are made of. */
export interface ExposureViewParts {
  readonly access: Access;
  readonly client: KubeClient;
  readonly cache: ExposureCache;
  /** CLUSTER_NOT_FOUND where there is none of that name. */
  readonly checkCluster: (name: string) => void;
}

/** Makes the view of exposures: one as it is stored now, lists and news from the cache. */
export function createExposureView(parts: ExposureViewParts): ExposureView {
  const { client, cache } = parts;
  const may = (principal: Principal, verb: string, place: { cluster: string; namespace: string; name: string }) => {
    parts.checkCluster(place.cluster);
    const { cluster, namespace, name } = place;
    return parts.access.check(principal, { verb, resource: "exposures", cluster, namespace, name });
  };
  return {
    async get(principal, target, { signal } = {}) {
      await may(principal, "get", target);
      const { cluster, namespace, name } = target;
      const stored = await getObject<ExposureObject>(client, { resource: exposures, namespace, name }, { signal });
      if (stored === undefined) throw unknown("EXPOSURE", name);
      return toExposure(cluster, stored);
    },
    async list(principal, query, { size, token }) {
      await may(principal, "list", { ...query, name: "" });
      if (!cache.exposures.hasSynced()) throw notReady();
      const after = parsePageToken(token);
      const all = candidates(cache, query)
        .filter((one) => isMeant(one, query))
        .map((one) => toExposure(query.cluster, one))
        .sort((a, b) => compareNames(a, b));
      const rest = after === undefined ? all : all.filter((one) => compareNames(one, after) > 0);
      const page = rest.slice(0, size);
      const last = page.at(-1);
      const isLast = last === undefined || page.length === rest.length;
      return {
        exposures: page,
        nextPageToken: isLast ? "" : toPageToken(last),
        totalSize: all.length,
        staleClusters: staleCluster(query.cluster, cache.freshness()),
      };
    },
    async *watch(principal, query, signal) {
      await may(principal, "watch", { ...query, name: "" });
      if (!cache.exposures.hasSynced()) throw notReady();
      const to = (one: ExposureObject) => (isMeant(one, query) ? toExposure(query.cluster, one) : undefined);
      yield* follow<ExposureObject, Exposure>(cache.exposures, to, signal);
    },
  };
}

/** Makes the view of pools. */
export function createPoolView(parts: ExposureViewParts): PoolView {
  const { client, cache } = parts;
  const may = (principal: Principal, verb: string, cluster: string, name: string) => {
    parts.checkCluster(cluster);
    return parts.access.check(principal, { verb, resource: "addresspools", cluster, namespace: "", name });
  };
  return {
    async get(principal, { cluster, name }, { signal } = {}) {
      await may(principal, "get", cluster, name);
      const stored = await getObject<PoolObject>(client, { resource: addressPools, name }, { signal });
      if (stored === undefined) throw unknown("POOL", name);
      return toPool(cluster, cache, stored);
    },
    async list(principal, cluster) {
      await may(principal, "list", cluster, "");
      if (!cache.pools.hasSynced()) throw notReady();
      const all = cache.pools.list().map((one) => toPool(cluster, cache, one));
      const pools = all.sort((a, b) => (a.name < b.name ? -1 : 1));
      return { pools, staleClusters: staleCluster(cluster, cache.freshness()) };
    },
    async *watch(principal, cluster, signal) {
      await may(principal, "watch", cluster, "");
      if (!cache.pools.hasSynced()) throw notReady();
      yield* follow<PoolObject, Pool>(cache.pools, (one) => toPool(cluster, cache, one), signal);
    },
  };
}

/** Tells all there is, and then what changes, of those that `to` wants. */
async function* follow<T, U>(
  informer: Parameters<typeof changesOf<T>>[0] & { list(): T[] },
  to: (object: T) => U | undefined,
  signal: AbortSignal,
): AsyncGenerator<News<U>> {
  // Listens before it reads, so that nothing falls in between.
  const changes = changesOf(informer, signal);
  const first = changes.next();
  for (const object of informer.list()) {
    const told = to(object);
    if (told !== undefined) yield { kind: "added", object: told };
  }
  yield { kind: "synced" };
  for (let next = await first; next.done !== true; next = await changes.next()) {
    const news = toNews(next.value, to);
    if (news !== undefined) yield news;
  }
}

function toNews<T, U>(change: CacheChange<T>, to: (object: T) => U | undefined): News<U> | undefined {
  const object = to(change.type === "deleted" ? change.previous : change.object);
  return object === undefined ? undefined : { kind: change.type, object };
}

/** The smallest set of the cache that holds all that is asked for. */
function candidates({ exposures: known }: ExposureCache, { namespace, service, release, slot, pool }: ExposureQuery) {
  if (namespace !== "" && service !== "") return known.byIndex("service", `${namespace}/${service}`);
  if (namespace !== "" && release !== "") return known.byIndex("release", `${namespace}/${release}`);
  if (namespace !== "") return known.byIndex("namespace", namespace);
  if (slot !== "") return known.byIndex("slot", slot);
  return pool === "" ? known.list() : known.byIndex("pool", pool);
}

function isMeant(object: ExposureObject, query: ExposureQuery): boolean {
  const { namespace, settings, slot } = toExposure("", object);
  const releases = [settings.release, object.status?.release];
  return (
    (query.namespace === "" || query.namespace === namespace) &&
    (query.service === "" || query.service === settings.service) &&
    (query.pool === "" || query.pool === settings.pool) &&
    (query.slot === "" || query.slot === slot) &&
    (query.release === "" || releases.includes(query.release))
  );
}

interface Place {
  readonly namespace: string;
  readonly name: string;
}

function compareNames(a: Place, b: Place): number {
  const [first, second] = [`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`];
  return first < second ? -1 : first > second ? 1 : 0;
}

function toPageToken({ namespace, name }: Place): string {
  return Buffer.from(`${namespace}/${name}`).toString("base64url");
}

function parsePageToken(token: string): Place | undefined {
  if (token === "") return undefined;
  const [namespace = "", name = "", ...rest] = Buffer.from(token, "base64url").toString("utf8").split("/");
  if (namespace !== "" && name !== "" && rest.length === 0) return { namespace, name };
  throw new BerthError("INVALID_ARGUMENT", "The page token is not one of this list.", { field: "page_token" });
}

function notReady(): BerthError {
  return new BerthError("NOT_READY", "The exposures are not known yet.");
}
