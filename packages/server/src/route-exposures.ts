import { BerthError } from "@berth/base";

import type { composeExposures } from "./compose-exposures.ts";
import type { Cluster, Watch } from "./domain/clusters/index.ts";

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

/** Sends each wish to the cluster that it names. `checkCluster`: CLUSTER_NOT_FOUND where there is none of that name. */
export function routeExposures(
  compose: (cluster: Cluster) => Exposing,
  checkCluster: (name: string) => void,
): RoutedExposures {
  const all = new Map<string, Exposing>();
  const of = (name: string): Exposing => {
    checkCluster(name);
    const found = all.get(name);
    if (found !== undefined) return found;
    throw new BerthError("EXPOSURES_NOT_SERVED", `Cluster "${name}" does not serve Berth's definitions.`, {
      field: "cluster",
    });
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
    view: byTarget(["get", "list", "watch"], (name) => of(name).view),
    pools: byTarget(["get", "list", "watch"], (name) => of(name).pools),
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
