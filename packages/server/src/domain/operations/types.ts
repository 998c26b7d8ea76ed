import type { BerthError } from "@berth/base";

import type { Command, Verb } from "../command.ts";
import type { Principal } from "../access/index.ts";
import type { ActionPhase, ActionResult, ProgressEvent, RequestContext } from "../releases/index.ts";

/** Where an operation is. */
export type OperationState = "queued" | "running" | "succeeded" | "failed" | "cancelled";

/** The step a running operation is in, or was in when it ended. */
export type OperationPhase = ActionPhase;

/** What is stored in the cluster afterwards, read back. */
export type OperationResult = ActionResult;

/** One Helm write: what was asked and how it went. */
export interface Operation {
  readonly id: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly release: string;
  readonly verb: Verb;
  readonly principal: string;
  readonly requestId: string;
  readonly state: OperationState;
  readonly phase: OperationPhase;
  readonly createTime: Date;
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
  /** Set where it succeeded, and where it failed as far as something is stored. */
  readonly result: OperationResult | undefined;
  /** Set where it failed or was cancelled. */
  readonly error: BerthError | undefined;
}

/** Follows one operation while it runs. Listeners never throw. */
export interface OperationListener {
  /** Once, when the operation has begun to run. */
  started?(operation: Operation): void;
  progress?(event: ProgressEvent): void;
}

/**
 * The gate: authorises, audits, and does what a caller wants written. Resolves
 * with the ended operation, also where it failed after something was changed;
 * rejects with a BerthError where the request was refused and nothing was done.
 */
export type Submit = (
  principal: Principal,
  command: Command,
  context: RequestContext,
  listener?: OperationListener,
) => Promise<Operation>;

/** Operations of this process: running ones, and the last that ended. */
export interface OperationView {
  /** OPERATION_NOT_FOUND where it is not known (any more). */
  get(principal: Principal, id: string): Promise<Operation>;
  /** Cancels and resolves once it has ended. */
  cancel(principal: Principal, id: string, context: RequestContext): Promise<Operation>;
}
