import { BerthError, asBerthError } from "@berth/base";
import type { Clock } from "@berth/base";

import type { composeExposures } from "./compose-exposures.ts";
import { ALL_CLUSTERS, staleCluster } from "./domain/clusters/index.ts";
import type { Cluster, ClusterRegistry, Freshness, StaleCluster, Watch } from "./domain/clusters/index.ts";
import { listExposuresAcross, listPoolsAcross, watchAcross } from "./domain/exposures/index.ts";
import type { ExposureView, PoolView } from "./domain/exposures/index.ts";

/** The ports of one cluster. */
export type Exposing = ReturnType<typeof composeExposures>;

/** The ports of every cluster that has Berth's definitions: each has its own caches and controllers. */
export interface RoutedExposures extends Pick<Exposing, "submit" | "view" | "pools" | "check" | "make" | "facts"> {
  /** Takes a cluster in, in place of one of its name. */
  join(cluster: Cluster): void;
  leave(name: string): Promise<void>;
  has(name: string): boolean;
  /** Whether a cluster's ports are known, and if not, why. */
  ready(name: string): { readonly ok: boolean; readonly reason: string };
  watches(): readonly Watch[];
  stop(): Promise<void>;
}

/** What routes are made with. */
export interface RouteParts {
  readonly compose: (cluster: Cluster) => Exposing;
  readonly clusters: Pick<ClusterRegistry, "get" | "names">;
  /** Of what is known of a cluster beside its exposures. */
  readonly freshness: (cluster: string) => Freshness | undefined;
  readonly clock: Pick<Clock, "sleep">;
}

/** Sends each wish to the cluster that it names, and lists of all clusters to each of them. */
export function routeExposures({ compose, clusters, freshness, clock }: RouteParts): RoutedExposures {
  const all = new Map<string, Exposing>();
  const of = (name: string): Exposing => {
    clusters.get(name);
    const found = all.get(name);
    if (found !== undefined) return found;
    throw new BerthError("EXPOSURES_NOT_SERVED", `Cluster "${name}" does not serve Berth's definitions.`, {
      field: "cluster",
    });
  };
  const across = () => {
    const others = clusters.names().filter((name) => !all.has(name));
    const stale = others.flatMap((name) => staleUnless(() => clusters.get(name), name, freshness(name)));
    return { exposing: all as ReadonlyMap<string, Exposing>, stale };
  };
  const leave = async (name: string) => {
    const before = all.get(name);
    all.delete(name);
    await before?.stop();
  };
  return {
    submit: byTarget(
      [
        "create",
        "delete",
        "exposeRelease",
        "reserve",
        "cancelReservation",
        "createPool",
        "createAddress",
        "deletePool",
      ],
      (name) => of(name).submit,
    ),
    view: viewAcross(
      byTarget(["get", "list", "watch"], (name) => of(name).view),
      across,
      clock,
    ),
    pools: poolsAcross(
      byTarget(["get", "list", "watch"], (name) => of(name).pools),
      across,
      clock,
    ),
    check: (release, wishes) => of(release.cluster).check(release, wishes),
    make: (principal, release, ...rest) =>
      Promise.resolve().then(() => of(release.cluster).make(principal, release, ...rest)),
    facts() {
      const facts = [...all.values()].map((one) => one.facts());
      return { pools: facts.flatMap(({ pools }) => pools), exposures: facts.flatMap(({ exposures }) => exposures) };
    },
    join(cluster) {
      void leave(cluster.name);
      const exposing = compose(cluster);
      all.set(cluster.name, exposing);
      exposing.start();
    },
    leave,
    has: (name) => all.has(name),
    ready: (name) => all.get(name)?.ready() ?? { ok: false, reason: "not served" },
    watches: () => [...all].flatMap(([cluster, one]) => one.watches().map((watch) => ({ ...watch, cluster }))),
    stop: async () => void (await Promise.all([...all.keys()].map(leave))),
  };
}

/** A cluster that is not heard of, as lists name it. One that does not serve Berth's definitions is no part of them. */
function staleUnless(get: () => Cluster, cluster: string, freshness: Freshness | undefined): StaleCluster[] {
  try {
    get();
    return freshness === undefined ? [] : staleCluster(cluster, freshness);
  } catch (error) {
    return [{ cluster, reason: asBerthError(error).message, knownAt: undefined }];
  }
}

/** What serves exposures by now, and the clusters of which nobody knows. */
type All = () => { readonly exposing: ReadonlyMap<string, Exposing>; readonly stale: readonly StaleCluster[] };

function viewAcross(one: ExposureView, across: All, clock: Pick<Clock, "sleep">): ExposureView {
  const views = () => mapOf(across().exposing, ({ view }) => view);
  return {
    get: one.get,
    list(principal, query, page) {
      if (query.cluster !== ALL_CLUSTERS) return one.list(principal, query, page);
      return listExposuresAcross({ views: views(), stale: across().stale }, principal, query, page);
    },
    watch(principal, query, signal) {
      if (query.cluster !== ALL_CLUSTERS) return one.watch(principal, query, signal);
      return watchAcross(
        views(),
        (view, name) => view.watch(principal, { ...query, cluster: name }, signal),
        clock,
        signal,
      );
    },
  };
}

function poolsAcross(one: PoolView, across: All, clock: Pick<Clock, "sleep">): PoolView {
  const views = () => mapOf(across().exposing, ({ pools }) => pools);
  return {
    get: one.get,
    list(principal, cluster) {
      if (cluster !== ALL_CLUSTERS) return one.list(principal, cluster);
      return listPoolsAcross({ views: views(), stale: across().stale }, principal);
    },
    watch(principal, cluster, signal) {
      if (cluster !== ALL_CLUSTERS) return one.watch(principal, cluster, signal);
      return watchAcross(views(), (view, name) => view.watch(principal, name, signal), clock, signal);
    },
  };
}

function mapOf<V, W>(map: ReadonlyMap<string, V>, of: (value: V) => W): ReadonlyMap<string, W> {
  return new Map([...map].map(([key, value]) => [key, of(value)]));
}

type Method = (principal: never, target: never, ...rest: never[]) => unknown;

/** An object whose methods are those of the cluster that their second argument names. */
function byTarget<T extends { [name in keyof T]: Method }>(
  names: readonly (keyof T & string)[],
  of: (cluster: string) => T,
): T {
  const call = (name: keyof T, [principal, target, ...rest]: [never, never, ...never[]]) =>
    of(clusterOf(target))[name](principal, target, ...rest);
  // Whoever awaits an answer hears of a wrong cluster as of all else.
  const route = (name: keyof T) =>
    name === "watch"
      ? (...asked: [never, never, ...never[]]) => call(name, asked)
      : (...asked: [never, never, ...never[]]) => Promise.resolve().then(() => call(name, asked));
  return Object.fromEntries(names.map((name) => [name, route(name)])) as unknown as T;
}

function clusterOf(target: string | { readonly cluster: string } | { readonly target: { readonly cluster: string } }) {
  if (typeof target === "string") return target;
  return "target" in target ? target.target.cluster : target.cluster;
}
