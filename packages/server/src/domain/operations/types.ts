import type { BerthError } from "@berth/base";

import type { AskOptions, Command, ExposeWish, ReleaseTarget, Verb } from "../command.ts";
import type { Principal } from "../access/index.ts";
import type { ActionPhase, ActionResult, ProgressEvent, RequestContext } from "../releases/index.ts";

/** Where an operation is. */
export type OperationState = "queued" | "running" | "succeeded" | "failed" | "cancelled";

/** The step a running operation is in, or was in when it ended. */
export type OperationPhase = ActionPhase;

/** What is stored in the cluster afterwards, read back. */
export type OperationResult = ActionResult;

/** What follows a failure: nothing, the revision before, or no release at all. */
export type Remediation = "none" | "rollback" | "uninstall";

/** How an operation is worked off. What is absent takes its default. */
export interface OperationPolicy {
  /** How often a failure is tried again; 0 where absent. */
  readonly retries?: number | undefined;
  readonly remediation?: Remediation | undefined;
  /** Told of the ending; of the configured list. */
  readonly callbackUrl?: string | undefined;
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
  /** Objects applied, of how many. */
  readonly applied: number;
  readonly total: number;
  /** How often it was begun. */
  readonly attempts: number;
  /** Who works on it; empty where nobody does. */
  readonly replica: string;
  /** The operation that this one repeats; empty for none. */
  readonly retryOf: string;
  /** Who asked for its end; empty for nobody. */
  readonly cancelledBy: string;
  /** Number of its newest event; 0 before the first. */
  readonly lastEvent: number;
  /** `pending`, `delivered` or `failed`; empty where nobody is told. */
  readonly callback: string;
  readonly createTime: Date;
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
  /** When it is tried again; undefined where it does not rest. */
  readonly nextAttemptTime: Date | undefined;
  /** Set where it succeeded, and where it failed as far as something is stored. */
  readonly result: OperationResult | undefined;
  /** Set where it failed or was cancelled. */
  readonly error: BerthError | undefined;
}

/** A progress event as it is stored: numbered from 1 in each operation, its time as ISO 8601, a log without its text. */
export type OperationEvent = { readonly n: number; readonly time: string; readonly type: string } & Readonly<
  Record<string, unknown>
>;

/** Who exposes the ports of a release that is installed. */
export interface Exposing {
  /** Throws where a wish cannot be met as it is. */
  check(release: ReleaseTarget, wishes: readonly ExposeWish[]): void;
  /** Makes the exposures that are missing, and waits for none of them. Rejects where one is refused. */
  make(
    principal: Principal,
    target: ReleaseTarget,
    wishes: readonly ExposeWish[],
    context: RequestContext,
  ): Promise<void>;
}

/** What a caller gives beside the command. */
export interface SubmitOptions {
  /** The same key with the same request is the same operation for 24 h. */
  readonly idempotencyKey?: string | undefined;
  /** How long to wait for the ending, in milliseconds; not at all where absent. */
  readonly waitMs?: number | undefined;
  readonly policy?: OperationPolicy | undefined;
  /** Hears of the operation once it is accepted. Never throws. */
  readonly onAccepted?: ((operation: Operation) => void) | undefined;
  /** Ends the waiting, and a dry run; what has been accepted goes on. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The gate: authorises, audits and accepts what a caller wants written. Resolves
 * with the operation: ended, where it did within the time to wait, also where it
 * failed after something was changed. Rejects with a BerthError where the
 * request was refused and nothing was done. A dry run is done at once and kept
 * nowhere.
 */
export type Submit = (
  principal: Principal,
  command: Command,
  context: RequestContext,
  options?: SubmitOptions,
) => Promise<Operation>;

/** Which operations; what is empty matches all. */
export interface OperationQuery {
  readonly cluster: string;
  readonly namespace: string;
  readonly release: string;
  readonly verb: Verb | "";
  readonly state: OperationState | "";
  readonly principal: string;
  /** 1 to 500. */
  readonly pageSize: number;
  readonly pageToken: string;
}

/** Operations, the newest first. */
export interface OperationPage {
  readonly operations: readonly Operation[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  readonly totalSize: number;
}

/** What a follower of an operation is told. */
export type OperationNews =
  /** The operation, when it is first seen, changes its state, and has ended. */
  | { readonly kind: "operation"; readonly operation: Operation }
  | { readonly kind: "event"; readonly n: number; readonly event: ProgressEvent }
  /** Events that are not kept any more. */
  | { readonly kind: "gap"; readonly from: number; readonly to: number };

/** Operations as a caller may see them. OPERATION_NOT_FOUND where one is not known (any more). */
export interface OperationView {
  get(principal: Principal, id: string, options?: AskOptions): Promise<Operation>;
  list(principal: Principal, query: OperationQuery): Promise<OperationPage>;
  /** Waits until it has ended, at most `waitMs`. */
  wait(principal: Principal, id: string, waitMs: number, options?: AskOptions): Promise<Operation>;
  /** Tells its events after number `after`, and ends with the operation as it ended. */
  follow(principal: Principal, id: string, after: number, signal: AbortSignal): AsyncIterable<OperationNews>;
  /** Asks for its end, and waits for that at most `waitMs`. */
  cancel(
    principal: Principal,
    id: string,
    context: RequestContext,
    waitMs: number,
    options?: AskOptions,
  ): Promise<Operation>;
}
