export { createExposureCache, releaseOf } from "./cache.ts";
export type { ExposureCache } from "./cache.ts";
export { hasClaims, releaseClaim, restLeft } from "./claims/release.ts";
export { holderOf, secureClaims, yieldPort } from "./claims/secure.ts";
export type { SecureParts } from "./claims/secure.ts";
export { dropClaims, repair } from "./claims/strangers.ts";
export type { RepairParts } from "./claims/strangers.ts";
export { conditionsOf, pending, ready, refused } from "./conditions.ts";
export type { Verdict } from "./conditions.ts";
export { createLegacyPool } from "./legacy-pool.ts";
export { createConfigMapDriver } from "./drivers/configmap/driver.ts";
export type { AddressState, Driver, PortWish } from "./drivers/driver.ts";
export { createGatewayDriver } from "./drivers/gateway/driver.ts";
export { createNodePortDriver } from "./drivers/nodeport/driver.ts";
export { toExposure, toPool } from "./from-object.ts";
export { addFinalizer, dropFinalizer, isOvertaken, unknown, writeStatus } from "./objects.ts";
export { driverOf } from "./places.ts";
export { createReleaseExposer } from "./release-exposer.ts";
export { createReleaseKeeper } from "./release-keeper.ts";
export { releasePorts } from "./release-ports.ts";
export {
  ASKED,
  addressPools,
  addresses,
  exposureReference,
  exposures,
  isDeleting,
  poolOf,
  portClaims,
  protocolsOf,
  readyOf,
} from "./resource.ts";
export type { AddressObject, ClaimObject, ExposureObject, PoolObject, Protocol } from "./resource.ts";
export { backendOf } from "./service.ts";
export type { ServiceObject } from "./service.ts";
export { createExposureSubmit } from "./submit.ts";
export type { AddressName, ExposureSubmit } from "./submit.ts";
export { createExposureView, createPoolView } from "./view.ts";
export { listExposuresAcross, listPoolsAcross, watchAcross } from "./across.ts";
export type {
  AddressSettings,
  Exposure,
  ExposureName,
  ExposurePage,
  ExposureSettings,
  ExposureView,
  News,
  Pool,
  PoolAddress,
  PoolSettings,
  PoolView,
  Reservation,
} from "./types.ts";
export { untilKnown } from "./until.ts";
