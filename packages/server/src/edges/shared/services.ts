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
import type { DescService } from "@bufbuild/protobuf";

/** The services of berth.v1: REST, Connect, gRPC, reflection and OpenAPI read this list. */
export const BERTH_SERVICES: readonly DescService[] = [
  releaseService.ReleaseService,
  releaseLiveService.ReleaseLiveService,
  operationService.OperationService,
  chartService.ChartService,
  chartSourceService.ChartSourceService,
  clusterService.ClusterService,
  exposureService.ExposureService,
  poolService.PoolService,
];
