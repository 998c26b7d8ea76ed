export { createNameGenerator, newOperationId } from "./names.ts";
export { createOperationRegistry } from "./registry.ts";
export type { OperationRegistry } from "./registry.ts";
export { createSubmit } from "./submit.ts";
export { createOperationView } from "./view.ts";
export type {
  Operation,
  OperationListener,
  OperationPhase,
  OperationResult,
  OperationState,
  OperationView,
  Submit,
} from "./types.ts";
export type { ProgressEvent, RequestContext } from "../releases/index.ts";
