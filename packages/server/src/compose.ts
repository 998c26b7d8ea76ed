import { systemClock } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { startEngine } from "@berth/engine-client";
import type { EgressPolicy } from "@berth/engine-client";
import { createKubeClient, loadInCluster, loadKubeconfig } from "@berth/kube";

import type { Berth } from "./berth.ts";
import { composeClusters } from "./compose-clusters.ts";
import { factsOf, readinessOf } from "./compose-facts.ts";
import { composeExposures } from "./compose-exposures.ts";
import { routeExposures } from "./route-exposures.ts";
import type { Config } from "./config.ts";
import { createReviewedAccess, loopbackPrincipal, unauthenticatedPrincipal } from "./domain/access/index.ts";
import { createChartSourceController } from "./controllers/chart-sources.ts";
import { createAudit } from "./domain/audit/index.ts";
import { createAskSource } from "./domain/chart-sources/actions/ask.ts";
import {
  createSourceCache,
  createSourceLookup,
  createSourceSubmit,
  createSourceView,
} from "./domain/chart-sources/index.ts";
import { createChartReader } from "./domain/charts/actions/read.ts";
import { createChartResolver } from "./domain/charts/index.ts";
import { createClusterRegistry } from "./domain/clusters/index.ts";
import type { Cluster, ClusterRegistry } from "./domain/clusters/index.ts";
import { createLive } from "./domain/live/index.ts";
import type { ReleaseTarget } from "./domain/command.ts";
import { createOperations, createUnlocker } from "./domain/operations/index.ts";
import type { CallbackOptions, Operations } from "./domain/operations/index.ts";
import {
  createNewestReader,
  createOutdatedLister,
  createReleaseCaches,
  createReleaseView,
  createStuckJudge,
} from "./domain/releases/index.ts";
import type { Actions, ReleaseCaches, ReleaseIndex, StuckJudge } from "./domain/releases/index.ts";
import { createHolder } from "./domain/releases/actions/holder.ts";
import { createInstall } from "./domain/releases/actions/install.ts";
import { createReleasePlanner } from "./domain/releases/actions/plan.ts";
import { createReleaseReader } from "./domain/releases/actions/read.ts";
import { createRollback } from "./domain/releases/actions/rollback.ts";
import type { ActionParts } from "./domain/releases/actions/run.ts";
import { createRunTests } from "./domain/releases/actions/run-tests.ts";
import { createUninstall } from "./domain/releases/actions/uninstall.ts";
import { createUnlock } from "./domain/releases/actions/unlock.ts";
import { createUpgrade } from "./domain/releases/actions/upgrade.ts";
import { BERTH_VERSION } from "./version.ts";

/** The composed application, and its end. */
export interface ComposedBerth {
  readonly berth: Berth;
  /** Takes no new work, lets what runs end for `drainMs`, and hands the rest on to other replicas. */
  drain(drainMs: number): Promise<void>;
  /** Stops the work, the watches and the engine. */
  close(): Promise<void>;
}

/** Only the home has ingress controllers that Autom8s' variables name. */
const NO_INGRESS: Config["ingress"] = { namespace: "", label: "", from: 0, to: 0 };

/** What edges give to parts that are none. */
export interface EdgeParts {
  /** The JSON of an operation, as REST shows it. */
  readonly operationJson: CallbackOptions["render"];
  /** Another clock than the machine's: tests have one. */
  readonly clock?: Clock | undefined;
}

/** The composition root: every part, made once, in the order of their needs. */
export async function composeBerth(config: Config, log: Logger, edges: EdgeParts): Promise<ComposedBerth> {
  const { clock = systemClock } = edges;
  const cluster = await connect(config, log, clock);
  const clusters = createClusterRegistry(cluster);
  const { engine: binary, localCharts: allowLocalCharts, engineEnvironment: environment } = config;
  const engine = await startEngine({ binary, allowLocalCharts, environment, log });
  const caches = createReleaseCaches({ log, clock, maxRevisions: config.maxStoredRevisions });
  caches.add(cluster);
  const { storageOf } = caches;
  const access = createReviewedAccess({ clusters, clock });
  const audit = createAudit(log);
  const [policy, egress] = [chartPolicyOf(config), egressOf(config)];
  const declared = composeChartSources({ access, audit, home: cluster, log, clock }, { engine, egress });
  const { sources } = declared;
  const parts = { engine, egress, storageOf, charts: createChartResolver({ access, policy, sources }) };
  const operations = createOperations({
    ...{ client: cluster.client, namespace: config.homeNamespace, access, audit, clusters, clock, log },
    ...{ limits: config.operations, retention: config.retention },
    callbacks: { endpoints: config.callbacks, egress: config.egress, render: edges.operationJson },
    actions: createActions(parts, config.stuck.afterMs),
    charts: parts.charts,
    exposing: { check: (...wish) => exposing.check(...wish), make: (...wish) => exposing.make(...wish) },
    holder: createHolder(parts),
    isStored: (target) => caches.isStored(target),
  });
  const { stuckOf, live, reads } = composeReads(config, {
    ...parts,
    clusters,
    caches,
    access,
    policy,
    sources,
    ...{ isHeld: operations.isOpen, log, clock },
  });
  const places = { clusters, caches, operations, access, audit, log, clock };
  const { exposing, declaredClusters } = composePlaces(config, places);
  const stuck = () => stuckIn(caches, stuckOf);
  const { submit } = operations;
  const unlocker = createUnlocker({ submit, stuck, afterMs: config.stuck.unlockAfterMs, clock, log });
  for (const part of [operations, unlocker, declared, declaredClusters]) part.start();

  const berth: Berth = {
    submit,
    operations: operations.view,
    retry: operations.retry,
    ...reads,
    ...{ chartSources: declared, exposures: exposing, clusters: declaredClusters },
    facts: factsOf(engine, { caches, operations, exposing, declared, declaredClusters, live }),
    readiness: readinessOf(engine, caches.indexOf(cluster.name) as ReleaseIndex, operations, () =>
      exposing.ready(cluster.name),
    ),
    log,
    version: BERTH_VERSION,
    principal: config.callers.length > 0 ? unauthenticatedPrincipal : loopbackPrincipal,
    defaultCluster: config.cluster,
    defaultNamespace: config.namespace,
    defaultPool: config.pool,
  };
  return {
    berth,
    drain: (drainMs) => operations.drain(drainMs),
    async close() {
      for (const part of [unlocker, operations, exposing]) await part.stop();
      await Promise.all([declaredClusters.stop(), live.stop()]);
      await Promise.all([caches.stop(), declared.stop()]);
      await engine.stop();
      await cluster.client.close();
    },
  };
}

/** What is read of releases and charts, and what would become of them. */
function composeReads(
  config: Config,
  parts: ActionParts &
    Omit<Parameters<typeof createChartReader>[0], keyof ActionParts> & {
      readonly clusters: ClusterRegistry;
      readonly caches: ReleaseCaches;
      readonly isHeld: Operations["isOpen"];
      readonly log: Logger;
      readonly clock: Clock;
    },
) {
  const { clusters, caches, access, policy, sources, isHeld, log, clock } = parts;
  const stuckOf = createStuckJudge({ isHeld, afterMs: config.stuck.afterMs, clock });
  const reader = createNewestReader(createReleaseReader(parts), { ...caches, clusters, clock });
  const releases = createReleaseView({ ...caches, access, clusters, reader, stuckOf });
  const charts = createChartReader(parts);
  const outdated = createOutdatedLister({ releases, charts, policy, sources });
  const live = createLive({
    ...{ access, clusters, reader, log, clock },
    onRevision: onRevisionOf(caches),
  });
  const planner = createReleasePlanner(parts);
  return { stuckOf, live, reads: { releases, charts, outdated, planner, live: live.view } };
}

/** The clusters beside the home, and the ports of each cluster. */
function composePlaces(
  config: Config,
  parts: Pick<Parameters<typeof composeExposures>[0], "access" | "audit" | "log" | "clock"> & {
    readonly clusters: ClusterRegistry;
    readonly caches: ReleaseCaches;
    readonly operations: Operations;
  },
) {
  const { clusters, caches, operations, access, audit, log, clock } = parts;
  const { home } = clusters;
  const checkCluster = (name: string) => void clusters.get(name);
  const compose = (cluster: Cluster) => {
    const ports = { access, audit, log, clock, checkCluster, cluster };
    const ingress = cluster === home ? config.ingress : NO_INGRESS;
    return composeExposures({ ...ports, ingress }, { index: caches.indexOf(cluster.name) as ReleaseIndex, operations });
  };
  const freshness = (name: string) => caches.indexOf(name)?.freshness();
  const exposing = routeExposures({ compose, clusters, freshness, clock });
  const declaredClusters = composeClusters({
    ...{ registry: clusters, access, audit, namespace: config.homeNamespace, pod: config.pod, log, clock },
    releasesOf: (name) => caches.table.size(name),
    join: caches.add,
    async leave(name) {
      await Promise.all([caches.remove(name), exposing.leave(name)]);
    },
    onFacts(cluster, { capabilities }) {
      if (capabilities.includes("exposures") === exposing.has(cluster.name)) return;
      if (exposing.has(cluster.name)) void exposing.leave(cluster.name);
      else exposing.join(cluster);
    },
  });
  exposing.join(home);
  return { exposing, declaredClusters };
}

/** The cluster that a kubeconfig names, or the one that this process is a pod of. */
async function connect(config: Config, log: Logger, clock: Clock) {
  const { kubeconfig, context, pod, cluster: name } = config;
  const connection = await (kubeconfig === "" ? loadInCluster(pod) : loadKubeconfig(kubeconfig, context));
  return {
    name,
    connection,
    client: createKubeClient(connection, { log, clock }),
    watchNamespaces: config.watchNamespaces,
  };
}

function stuckIn({ table }: ReleaseCaches, stuckOf: StuckJudge) {
  return table
    .sorted("namespace")
    .all()
    .flatMap(({ cluster, revision: newest }) => {
      const { namespace, name, revision } = newest;
      const stuck = stuckOf(cluster, newest);
      return stuck === undefined ? [] : [{ target: { cluster, namespace, name }, revision, since: stuck.since }];
    });
}

/** Hears of each revision that is written, and of each that goes. */
function onRevisionOf({ changes }: ReleaseCaches) {
  return (listener: (target: ReleaseTarget) => void) =>
    changes.onChange(({ before, after }) => {
      const row = after ?? before;
      if (row !== undefined) listener({ ...row.revision, cluster: row.cluster });
    });
}

/** The chart sources that are declared in the home cluster: their gate, their view, and who refreshes them. */
function composeChartSources(
  parts: Omit<
    Parameters<typeof createChartSourceController>[0] & Parameters<typeof createSourceSubmit>[0],
    "cache" | "ask"
  >,
  seams: Parameters<typeof createAskSource>[0],
) {
  const cache = createSourceCache(parts.home, parts.log, parts.clock);
  const all = { ...parts, cache };
  const controller = createChartSourceController({ ...all, ask: createAskSource(seams) });
  return {
    sources: createSourceLookup(parts.home, cache),
    submit: createSourceSubmit(all),
    view: createSourceView(all),
    watches: () => cache.watches(),
    start: () => cache.start(),
    stop: async () => void (await Promise.all([controller.stop(), cache.stop()])),
  };
}

function createActions(parts: ActionParts, stuckAfterMs: number): Actions {
  return {
    install: createInstall(parts),
    upgrade: createUpgrade(parts),
    rollback: createRollback(parts),
    uninstall: createUninstall(parts),
    test: createRunTests(parts),
    unlock: createUnlock({ ...parts, stuckAfterMs }),
  };
}

function egressOf({ egress }: Config): EgressPolicy {
  return { ...egress, allowedHosts: [...egress.allowedHosts], allowedCidrs: [...egress.allowedCidrs] };
}

function chartPolicyOf({ repositories, verification, localCharts: allowLocal }: Config) {
  return { repositories, verification, allowLocal };
}
