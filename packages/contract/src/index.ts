export * as engine from "./gen/berth/engine/v1/engine_pb.ts";
export * as release from "./gen/berth/v1/release_pb.ts";
export * as operation from "./gen/berth/v1/operation_pb.ts";
export * as releaseService from "./gen/berth/v1/release_service_pb.ts";
export * as operationService from "./gen/berth/v1/operation_service_pb.ts";
export { httpBindings, matchRoute } from "./http/rules.ts";
export type { HttpBinding, RouteMatch } from "./http/rules.ts";
export { toAnswer, toRequest } from "./http/transcode.ts";
export type { RequestParts } from "./http/transcode.ts";
