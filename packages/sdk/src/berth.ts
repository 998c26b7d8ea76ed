import {
  chartService,
  chartSourceService,
  clusterService,
  exposureService,
  operationService,
  poolService,
  releaseLiveService,
  releaseService,
} from "@berth/contract";

import { createServiceClient } from "./client.ts";
import type { ServiceClient } from "./client.ts";
import { connect } from "./connection.ts";
import type { Connection, ConnectionOptions } from "./connection.ts";

/** A client of all services. */
export interface BerthClient {
  readonly connection: Connection;
  readonly releases: ServiceClient<typeof releaseService.ReleaseService>;
  readonly live: ServiceClient<typeof releaseLiveService.ReleaseLiveService>;
  readonly operations: ServiceClient<typeof operationService.OperationService>;
  readonly charts: ServiceClient<typeof chartService.ChartService>;
  readonly chartSources: ServiceClient<typeof chartSourceService.ChartSourceService>;
  readonly clusters: ServiceClient<typeof clusterService.ClusterService>;
  readonly exposures: ServiceClient<typeof exposureService.ExposureService>;
  readonly pools: ServiceClient<typeof poolService.PoolService>;
}

/** Makes a client of all services. Where bytes count, take `connect` and `createServiceClient`. */
export function createBerth(options: ConnectionOptions): BerthClient {
  const connection = connect(options);
  return {
    connection,
    releases: createServiceClient(connection, releaseService.ReleaseService),
    live: createServiceClient(connection, releaseLiveService.ReleaseLiveService),
    operations: createServiceClient(connection, operationService.OperationService),
    charts: createServiceClient(connection, chartService.ChartService),
    chartSources: createServiceClient(connection, chartSourceService.ChartSourceService),
    clusters: createServiceClient(connection, clusterService.ClusterService),
    exposures: createServiceClient(connection, exposureService.ExposureService),
    pools: createServiceClient(connection, poolService.PoolService),
  };
}
