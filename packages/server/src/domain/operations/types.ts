import type { BerthError, ObjectName } from "@berth/base";

import type { Command, Verb } from "../command.ts";
import type { Principal } from "../access/index.ts";
import type { Release } from "../releases/index.ts";

/** Where an operation is. */
export type OperationState = "queued" | "running" | "succeeded" | "failed" | "cancelled";

/** The step a running operation is in, or was in when it ended. */
export type OperationPhase =
  | ""
  | "fetching"
  | "rendering"
  | "crds"
  | "pre-hooks"
  | "applying"
  | "waiting"
  | "post-hooks"
  | "deleting"
  | "testing"
  | "settling";

/** What is stored in the cluster afterwards, read back. */
export interface OperationResult {
  /** Absent once a release is uninstalled without history. */
  readonly release: Release | undefined;
  /** "sha256:…", empty where no chart was used. */
  readonly chartDigest: string;
  readonly resourceVersion: string;
  /** Of a dry run; empty otherwise. */
  readonly manifest: string;
  readonly notes: string;
  /** Name of the first Service of the release; undefined where the chart made none. */
  readonly firstService: string | undefined;
}

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

/** One thing that happened while an operation ran. */
export type ProgressEvent = { readonly time: Date } & (
  | { readonly type: "phase"; readonly phase: OperationPhase }
  | { readonly type: "applied"; readonly done: number; readonly total: number; readonly object: ObjectName }
  | { readonly type: "status"; readonly object: ObjectName; readonly status: string; readonly reason: string }
  | { readonly type: "hook"; readonly name: string; readonly event: string; readonly phase: string }
  | { readonly type: "log"; readonly pod: string; readonly container: string; readonly text: string }
);

/** What surrounds a request. */
export interface RequestContext {
  /** Carried to the engine and into the audit. */
  readonly requestId: string;
  /** W3C trace context; empty where the caller sent none. */
  readonly traceparent: string;
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
