import { BerthError, isErrorCode } from "@berth/base";
import type { ObjectName } from "@berth/base";
import type { KubeObject } from "@berth/kube";

import type { Principal } from "../access/index.ts";
import type { ReleaseTarget, Verb } from "../command.ts";
import type { ActionPhase, Release } from "../releases/index.ts";
import type { Operation, OperationEvent, OperationPolicy, OperationResult, OperationState } from "./types.ts";

/** The kind that operations are stored as. */
export const operations = { group: "berth.dev", version: "v1alpha1", plural: "operations" };

/** Format of requests and payloads that this version of Berth writes and understands. */
export const FORMAT = 1;

/** An operation as it is stored: see packages/kube/crds/operations.berth.dev.yaml. */
export interface OperationRecord extends KubeObject {
  readonly spec: {
    readonly request: StoredRequest;
    readonly cancel?: { readonly by: string; readonly time?: string };
  };
  readonly status?: StoredStatus;
}

/** What was asked; no values, no credentials. */
export interface StoredRequest {
  readonly version: number;
  readonly verb: Verb;
  readonly target: ReleaseTarget;
  readonly principal: Principal;
  readonly requestId: string;
  readonly traceparent: string;
  /** Name of the Secret with the command. */
  readonly payload: string;
  readonly digest: string;
  readonly idempotent: boolean;
  readonly retryOf?: string;
  readonly createTime: string;
  readonly policy: OperationPolicy;
}

/** How it goes. */
export interface StoredStatus {
  readonly state?: OperationState;
  readonly phase?: ActionPhase;
  readonly applied?: number;
  readonly total?: number;
  readonly attempts?: number;
  readonly failures?: number;
  readonly nextAttemptTime?: string | undefined;
  readonly handedOn?: boolean;
  readonly remediating?: boolean | undefined;
  readonly replica?: string;
  readonly chartDigest?: string;
  readonly startTime?: string;
  readonly endTime?: string;
  readonly result?: StoredResult | undefined;
  readonly error?: StoredError | undefined;
  readonly lastEvent?: number;
  readonly events?: readonly OperationEvent[];
  readonly callback?: StoredCallback;
  readonly conditions?: readonly Condition[];
}

/** Where a callback is. */
export type CallbackState = "pending" | "delivered" | "failed";

/** How far somebody is told of an ending; nothing is stored before the first try. */
export interface StoredCallback {
  readonly state: CallbackState;
  readonly attempts?: number;
  /** When it is tried again. */
  readonly nextTime?: string;
  /** What the last try that failed came to. */
  readonly reason?: string;
}

interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

interface StoredResult {
  readonly release?: StoredRelease;
  readonly chartDigest: string;
  readonly resourceVersion: string;
  readonly firstService?: string;
}

type Dates = "firstDeployed" | "lastDeployed" | "deleted";
type StoredRelease = Omit<Release, Dates> & { readonly [K in Dates]?: string };

interface StoredError {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly field?: string;
  readonly object?: ObjectName;
  readonly reason?: string;
  readonly details?: Readonly<Record<string, string>>;
}

/** A stored operation without who wrote which field: that is the larger part of it, and the API server's own business. */
export function toRecord(object: KubeObject): OperationRecord {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...(object as OperationRecord), metadata };
}

/** Whether an operation has its ending. */
export function hasEnded(record: OperationRecord): boolean {
  return record.status?.endTime !== undefined;
}

/** Where the callback of an operation is, which is pending from the first; undefined where nobody is told. */
export function callbackOf({ spec, status }: OperationRecord): CallbackState | undefined {
  // One of another version may have no policy.
  if ((spec.request.policy as OperationPolicy | undefined)?.callbackUrl === undefined) return undefined;
  return status?.callback?.state ?? "pending";
}

/** The operation that a record is of. */
export function toOperation(record: OperationRecord): Operation {
  const { request, cancel } = record.spec;
  const { status = {} } = record;
  return {
    id: record.metadata.name,
    cluster: request.target.cluster,
    namespace: request.target.namespace,
    release: request.target.name,
    verb: request.verb,
    principal: request.principal.name,
    requestId: request.requestId,
    state: status.state ?? "queued",
    phase: status.phase ?? "",
    applied: status.applied ?? 0,
    total: status.total ?? 0,
    attempts: status.attempts ?? 0,
    replica: status.replica ?? "",
    retryOf: request.retryOf ?? "",
    cancelledBy: cancel?.by ?? "",
    lastEvent: status.lastEvent ?? 0,
    callback: callbackOf(record) ?? "",
    createTime: new Date(request.createTime),
    startTime: toDate(status.startTime),
    endTime: toDate(status.endTime),
    nextAttemptTime: toDate(status.nextAttemptTime),
    result: status.result === undefined ? undefined : toResult(status.result),
    error: status.error === undefined ? undefined : toError(status.error),
  };
}

/** A result as it is stored. */
export function fromResult(result: OperationResult): StoredResult {
  const { release, chartDigest, resourceVersion, firstService } = result;
  return {
    chartDigest,
    resourceVersion,
    ...(firstService === undefined ? {} : { firstService }),
    ...(release === undefined ? {} : { release: fromRelease(release) }),
  };
}

/** An error as it is stored. */
export function fromError(error: BerthError): StoredError {
  const { code, message, hint, field, object, reason, details } = error;
  return {
    ...{ code, message, hint },
    ...(field === undefined ? {} : { field }),
    ...(object === undefined ? {} : { object }),
    ...(reason === undefined ? {} : { reason }),
    ...(Object.keys(details).length === 0 ? {} : { details }),
  };
}

function toError({ code, message, ...rest }: StoredError): BerthError {
  return new BerthError(isErrorCode(code) ? code : "INTERNAL", message, rest);
}

function toResult({ release, chartDigest, resourceVersion, firstService }: StoredResult): OperationResult {
  return {
    release: release === undefined ? undefined : toRelease(release),
    ...{ chartDigest, resourceVersion, firstService, manifest: "", notes: "" },
  };
}

function fromRelease({ firstDeployed, lastDeployed, deleted, ...release }: Release): StoredRelease {
  return JSON.parse(JSON.stringify({ ...release, firstDeployed, lastDeployed, deleted })) as StoredRelease;
}

function toRelease({ firstDeployed, lastDeployed, deleted, ...release }: StoredRelease): Release {
  return {
    ...release,
    chart: release.chart,
    firstDeployed: toDate(firstDeployed),
    lastDeployed: toDate(lastDeployed),
    deleted: toDate(deleted),
  };
}

function toDate(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}
