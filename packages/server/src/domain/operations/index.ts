export type {
  Operation,
  OperationListener,
  OperationPhase,
  OperationResult,
  OperationState,
  OperationView,
  ProgressEvent,
  RequestContext,
  Submit,
} from "./types.ts";
