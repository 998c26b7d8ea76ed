import type { Engine } from "@berth/engine-client";

import type { Berth } from "./berth.ts";
import type { composeClusters } from "./compose-clusters.ts";
import type { Live } from "./domain/live/index.ts";
import type { Operations } from "./domain/operations/index.ts";
import type { ReleaseCaches, ReleaseIndex } from "./domain/releases/index.ts";
import type { RoutedExposures } from "./route-exposures.ts";

/** Checks of /readyz. */
export function readinessOf(
  engine: Engine,
  index: ReleaseIndex,
  operations: Operations,
  exposures: Berth["readiness"][number]["check"],
): Berth["readiness"] {
  return [
    { name: "engine", check: () => describeEngine(engine.state().name) },
    { name: "release-index", check: () => index.ready() },
    { name: "operations", check: () => operations.ready() },
    { name: "exposures", check: exposures },
  ];
}

/** What is measured. */
export function factsOf(
  engine: Engine,
  parts: {
    readonly caches: ReleaseCaches;
    readonly operations: Operations;
    readonly exposing: RoutedExposures;
    readonly declared: Pick<ReleaseIndex, "watches">;
    readonly declaredClusters: ReturnType<typeof composeClusters>;
    readonly live: Live;
  },
): Berth["facts"] {
  const { caches, operations, exposing, declared, declaredClusters, live } = parts;
  return {
    onEnded: (listener) => operations.onEnded(listener),
    engine: () => ({
      ...{ state: engine.state().name, restarts: engine.restarts(), refusedCharts: engine.refusedCharts().size },
    }),
    operations: () => operations.open(),
    watches: () => [caches, operations, exposing, declared, declaredClusters].flatMap((part) => part.watches()),
    liveWatches: () => live.watches(),
    pools: () => exposing.facts().pools,
    exposures: () => exposing.facts().exposures,
    releases: () =>
      caches.clusterNames().flatMap((cluster) => {
        if (caches.indexOf(cluster)?.isKnown() !== true) return [];
        return [{ cluster, count: caches.table.size(cluster) }];
      }),
    clusters: () => declaredClusters.states(),
  };
}

function describeEngine(state: string): { ok: boolean; reason: string } {
  return state === "ready" ? { ok: true, reason: "" } : { ok: false, reason: state };
}
