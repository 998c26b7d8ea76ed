export type { CallbackOptions } from "./callbacks/types.ts";
export type { Retry } from "./retry.ts";
export { createUnlocker } from "./unlocker.ts";
export { createOperations } from "./service.ts";
export type { Operations, OperationsParts } from "./service.ts";
export type {
  Exposing,
  Operation,
  OperationNews,
  OperationPage,
  OperationPhase,
  OperationPolicy,
  OperationQuery,
  OperationResult,
  OperationState,
  OperationView,
  Remediation,
  Submit,
  SubmitOptions,
} from "./types.ts";
export type { ProgressEvent, RequestContext } from "../releases/index.ts";
