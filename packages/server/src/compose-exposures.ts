import { randomUUID } from "node:crypto";

import type { Clock, Logger } from "@berth/base";

import { createPoolController } from "./controllers/address-pools.ts";
import { createAddressController } from "./controllers/addresses.ts";
import { createExposureController } from "./controllers/exposures.ts";
import { createClaimController } from "./controllers/port-claims.ts";
import type { Config } from "./config.ts";
import type { Cluster } from "./domain/clusters/index.ts";
import {
  createConfigMapDriver,
  createExposureCache,
  createExposureSubmit,
  createExposureView,
  createGatewayDriver,
  createLegacyPool,
  createNodePortDriver,
  createPoolView,
  createReleaseExposer,
  createReleaseKeeper,
  toExposure,
  toPool,
} from "./domain/exposures/index.ts";
import type { Operations } from "./domain/operations/index.ts";
import type { ReleaseIndex } from "./domain/releases/index.ts";

/** The ports of a cluster: their gate, their views, and who makes them true. Each driver is a line here. */
export function composeExposures(
  parts: Omit<Parameters<typeof createExposureSubmit>[0], "client" | "cache" | "drivers" | "replica" | "hasten"> & {
    readonly cluster: Cluster;
    readonly log: Logger;
    readonly clock: Clock;
    readonly ingress: Config["ingress"];
  },
  { index, operations }: { readonly index: ReleaseIndex; readonly operations: Pick<Operations, "isOpen"> },
) {
  const { cluster, log, clock } = parts;
  const { client } = cluster;
  const cache = createExposureCache(cluster, log, clock);
  const drivers = new Map(
    [
      createConfigMapDriver({ client, service: (key) => cache.services.get(key), clock }),
      createGatewayDriver({ client, log, clock }),
      createNodePortDriver({ client, services: () => cache.services.list() }),
    ].map((driver) => [driver.name as string, driver]),
  );
  const all = { ...parts, client, cache, drivers, replica: randomUUID() };
  const exposures = createExposureController(all);
  const legacy = createLegacyPool(all, parts.ingress);
  const keeper = createReleaseKeeper({
    ...all,
    isThere(namespace, name) {
      // Of a cluster that is not heard of nobody knows what is gone.
      if (!index.freshness().isCurrent) return undefined;
      const status = index.find(namespace, name)?.status;
      return status !== undefined && status !== "uninstalled";
    },
    isOpen: (namespace, name) => operations.isOpen({ cluster: cluster.name, namespace, name }),
  });
  const controllers = [
    exposures,
    createClaimController(all),
    createAddressController({ ...all, recheck: exposures.recheck }),
    createPoolController(all),
    keeper,
    legacy,
  ];
  const gate = { ...all, hasten: exposures.hasten };
  return {
    ...createReleaseExposer(gate),
    submit: createExposureSubmit(gate),
    view: createExposureView(all),
    pools: createPoolView(all),
    ready: () => cache.ready(),
    watches: () => cache.watches(),
    /** All there is, for whoever measures. */
    facts: () => ({
      pools: cache.pools.list().map((pool) => toPool(cluster.name, cache, pool)),
      exposures: cache.exposures.list().map((exposure) => toExposure(cluster.name, exposure)),
    }),
    start() {
      cache.start();
      keeper.start();
      legacy.start();
    },
    async stop() {
      await Promise.all(controllers.map((controller) => controller.stop()));
      await cache.stop();
    },
  };
}
