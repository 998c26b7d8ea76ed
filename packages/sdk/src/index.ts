export { createBerth } from "./berth.ts";
export type { BerthClient } from "./berth.ts";
export { connect } from "./connection.ts";
export type { Connection, ConnectionOptions, RetryOptions } from "./connection.ts";
export { createServiceClient } from "./client.ts";
export type { CallOptions, ServiceClient } from "./client.ts";
export { BerthApiError, requireSuccess } from "./error.ts";
export type { BerthApiErrorInit } from "./error.ts";
export { followOperation } from "./operations/follow.ts";
export type { FollowOptions } from "./operations/follow.ts";
export type { OperationEvent, ProgressNews } from "./operations/events.ts";
export { waitForOperation } from "./operations/wait.ts";
export type { WaitOptions } from "./operations/wait.ts";
export { pages } from "./pages.ts";
export type { Page } from "./pages.ts";
export { watchExposures, watchPools, watchReleaseEvents, watchReleases, watchReleaseTree } from "./watch.ts";
export type { Change, WatchOptions } from "./watch.ts";
export type { Protocol } from "./transport/options.ts";
export {
  chartService,
  chartSourceService,
  clusterService,
  check,
  exposure,
  exposureService,
  operation,
  operationService,
  plan,
  poolService,
  release,
  releaseLiveService,
  releaseService,
  staleCluster,
} from "@berth/contract";
