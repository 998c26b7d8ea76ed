import { systemClock } from "@berth/base";
import type { Logger } from "@berth/base";
import { startEngine } from "@berth/engine-client";
import type { EgressPolicy } from "@berth/engine-client";
import { createKubeClient, loadKubeconfig } from "@berth/kube";

import type { Berth } from "./berth.ts";
import type { Config } from "./config.ts";
import { createLoopbackAccess, loopbackPrincipal } from "./domain/access/index.ts";
import { createAudit } from "./domain/audit/index.ts";
import { createChartReader } from "./domain/charts/actions/read.ts";
import { createClusterRegistry } from "./domain/clusters/index.ts";
import type { ReleaseTarget } from "./domain/command.ts";
import { createOperations, createUnlocker } from "./domain/operations/index.ts";
import {
  createOutdatedLister,
  createReleaseIndex,
  createReleaseView,
  createStuckJudge,
  createSummaries,
} from "./domain/releases/index.ts";
import type { Actions, ReleaseIndex, StuckJudge } from "./domain/releases/index.ts";
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

/** The composed application, and its end. */
export interface ComposedBerth {
  readonly berth: Berth;
  /** Takes no new work, lets what runs end for `drainMs`, and hands the rest on to other replicas. */
  drain(drainMs: number): Promise<void>;
  /** Stops the work, the watches and the engine. */
  close(): Promise<void>;
}

/** The composition root: every part, made once, in the order of their needs. */
export async function composeBerth(config: Config, log: Logger): Promise<ComposedBerth> {
  const clock = systemClock;
  const connection = await loadKubeconfig(config.kubeconfig, config.context);
  const client = createKubeClient(connection, { log, clock });
  const cluster = { name: config.cluster, connection, client };
  const clusters = createClusterRegistry([cluster]);
  const engine = await startEngine({
    binary: config.engine,
    allowLocalCharts: config.localCharts,
    environment: config.engineEnvironment,
    log,
  });
  const index = createReleaseIndex(cluster, log, clock);
  const summaries = createSummaries(cluster, log);
  const storageOf = (target: ReleaseTarget) => index.storageOf(target.namespace, target.name);
  const parts = { engine, charts: chartPolicyOf(config), egress: egressOf(config), storageOf };
  const access = createLoopbackAccess();
  const audit = createAudit(log);
  const operations = createOperations({
    ...{ client, namespace: config.homeNamespace, access, audit, clusters, clock, log },
    ...{ limits: config.operations, retention: config.retention },
    actions: createActions(parts, config.stuck.afterMs),
    charts: parts.charts,
    holder: createHolder(parts),
    isStored: (target) => storageOf(target) !== undefined,
  });
  const reader = createReleaseReader({ engine, clusters, storageOf });
  const stuckOf = createStuckJudge({ isHeld: operations.isOpen, afterMs: config.stuck.afterMs, clock });
  const releases = createReleaseView({ access, clusters, reader, stuckOf, cache: () => ({ index, summaries }) });
  const stuck = () => stuckIn(cluster.name, index, stuckOf);
  const { submit } = operations;
  const unlocker = createUnlocker({ submit, stuck, afterMs: config.stuck.unlockAfterMs, clock, log });
  const charts = createChartReader({ ...parts, access });
  index.start();
  operations.start();
  unlocker.start();

  const berth: Berth = {
    submit,
    operations: operations.view,
    retry: operations.retry,
    releases,
    outdated: createOutdatedLister({ releases, charts, policy: parts.charts }),
    planner: createReleasePlanner({ ...parts, access, clusters }),
    charts,
    readiness: [
      { name: "engine", check: () => describeEngine(engine.state().name) },
      { name: "release-index", check: () => index.ready() },
      { name: "operations", check: () => operations.ready() },
    ],
    log,
    principal: loopbackPrincipal,
    defaultCluster: config.cluster,
    defaultNamespace: config.namespace,
  };
  return {
    berth,
    drain: (drainMs) => operations.drain(drainMs),
    async close() {
      await unlocker.stop();
      await operations.stop();
      await index.stop();
      await engine.stop();
      await client.close();
    },
  };
}

function stuckIn(cluster: string, index: ReleaseIndex, stuckOf: StuckJudge) {
  return index.newest().flatMap((newest) => {
    const { namespace, name, revision } = newest;
    const stuck = stuckOf(cluster, newest);
    return stuck === undefined ? [] : [{ target: { cluster, namespace, name }, revision, since: stuck.since }];
  });
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

function describeEngine(state: string): { ok: boolean; reason: string } {
  return state === "ready" ? { ok: true, reason: "" } : { ok: false, reason: state };
}

function egressOf({ egress }: Config): EgressPolicy {
  return { ...egress, allowedHosts: [...egress.allowedHosts], allowedCidrs: [...egress.allowedCidrs] };
}

function chartPolicyOf({ repositories, verification, localCharts: allowLocal }: Config) {
  return { repositories, verification, allowLocal };
}
