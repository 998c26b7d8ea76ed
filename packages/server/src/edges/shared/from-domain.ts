import type { BerthError, ObjectName } from "@berth/base";
import { keepAnswer, operation as op, release as rel } from "@berth/contract";
import type { operationService, releaseService as api, staleCluster as stale } from "@berth/contract";
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";

import type { Operation, OperationNews } from "../../domain/operations/index.ts";
import type { StaleCluster } from "../../domain/clusters/index.ts";
import type {
  Hook,
  ObjectStatus,
  Release,
  ReleaseNews,
  ReleasePage,
  RevisionDiff,
} from "../../domain/releases/index.ts";

/*
 * The domain's answers as messages of berth.v1. REST and Connect share it.
 */

/** Numbers of the verbs. */
export const VERBS = {
  install: op.Verb.INSTALL,
  upgrade: op.Verb.UPGRADE,
  rollback: op.Verb.ROLLBACK,
  uninstall: op.Verb.UNINSTALL,
  test: op.Verb.TEST,
  unlock: op.Verb.UNLOCK,
} as const;

/** Numbers of the states. */
export const STATES = {
  queued: op.OperationState.QUEUED,
  running: op.OperationState.RUNNING,
  succeeded: op.OperationState.SUCCEEDED,
  failed: op.OperationState.FAILED,
  cancelled: op.OperationState.CANCELLED,
} as const;

export function fromOperation(operation: Operation): MessageInitShape<typeof op.OperationSchema> {
  const { id, cluster, namespace, release, principal, requestId, phase, result, error } = operation;
  return {
    ...{ id, cluster, namespace, release, principal, requestId, phase },
    ...{ applied: operation.applied, total: operation.total, attempts: operation.attempts },
    ...{ replica: operation.replica, retryOf: operation.retryOf, cancelledBy: operation.cancelledBy },
    ...{ lastEvent: operation.lastEvent, callback: operation.callback },
    ...time("nextAttemptTime", operation.nextAttemptTime),
    verb: VERBS[operation.verb],
    state: STATES[operation.state],
    done: operation.endTime !== undefined,
    createTime: timestampFromDate(operation.createTime),
    ...time("startTime", operation.startTime),
    ...time("endTime", operation.endTime),
    ...(result === undefined
      ? {}
      : {
          result: {
            ...(result.release === undefined ? {} : { release: fromRelease(result.release) }),
            chartDigest: result.chartDigest,
            resourceVersion: result.resourceVersion,
            manifest: result.manifest,
            notes: result.notes,
          },
        }),
    ...(error === undefined ? {} : { error: fromError(error) }),
  };
}

export function fromError(error: BerthError): MessageInitShape<typeof op.OperationErrorSchema> {
  const { code, message, hint, field, object, reason } = error;
  return {
    ...{ code, message, hint, field: field ?? "", reason: reason ?? "" },
    ...(object === undefined ? {} : { object: fromObject(object) }),
  };
}

export function fromRelease(release: Release): MessageInitShape<typeof rel.ReleaseSchema> {
  const { cluster, namespace, name, revision, status, description, chart, operationId, unreadable } = release;
  const { stuck, managedBy = "", summaryPending = false } = release;
  return {
    ...{ cluster, namespace, name, revision, status, description, operationId, unreadable, managedBy, summaryPending },
    ...(chart === undefined ? {} : { chart: { ...chart } }),
    labels: { ...release.labels },
    provenance: { ...release.provenance },
    ...time("firstDeployed", release.firstDeployed),
    ...time("lastDeployed", release.lastDeployed),
    ...time("deleted", release.deleted),
    ...(stuck === undefined ? {} : { stuck: { since: timestampFromDate(stuck.since), reason: stuck.reason } }),
  };
}

/** Messages of what is shown again and again. */
const shown = new WeakMap<Release, rel.Release>();

/** A release as a message: the same one is the same message. */
export function fromShown(release: Release): rel.Release {
  const known = shown.get(release) ?? keepAnswer(create(rel.ReleaseSchema, fromRelease(release)));
  shown.set(release, known);
  return known;
}

export function fromPage(page: ReleasePage): MessageInitShape<typeof api.ListReleasesResponseSchema> {
  const { nextPageToken, totalSize, pendingSummaries } = page;
  const staleClusters = page.staleClusters.map(fromStale);
  return { releases: page.releases.map(fromShown), nextPageToken, totalSize, staleClusters, pendingSummaries };
}

export function fromStale({
  cluster,
  reason,
  knownAt,
}: StaleCluster): MessageInitShape<typeof stale.StaleClusterSchema> {
  return { ...{ cluster, reason }, ...time("knownAt", knownAt) };
}

export function fromHook(hook: Hook): MessageInitShape<typeof rel.HookSchema> {
  const { name, kind, path, weight, manifest, lastPhase } = hook;
  return {
    ...{ name, kind, path, weight, manifest, lastPhase },
    events: [...hook.events],
    deletePolicies: [...hook.deletePolicies],
    ...time("lastStarted", hook.lastStarted),
    ...time("lastCompleted", hook.lastCompleted),
  };
}

export function fromObjectStatus(status: ObjectStatus): MessageInitShape<typeof rel.ObjectStatusSchema> {
  return { object: fromObject(status.object), status: status.status, reason: status.reason };
}

export function fromDiff(diff: RevisionDiff): MessageInitShape<typeof api.DiffReleaseResponseSchema> {
  const { from, to, manifest, values, redacted } = diff;
  return {
    ...{ from, to, manifest, values, redacted },
    objects: diff.objects.map(({ object, change }) => ({ object: fromObject(object), change })),
  };
}

/** A piece of news of a list. */
export function fromReleaseNews(news: ReleaseNews): MessageInitShape<typeof api.WatchReleasesResponseSchema> {
  if (news.kind === "reset") return { type: news.kind };
  const { kind: type, resumeToken } = news;
  return news.kind === "synced" ? { type, resumeToken } : { type, resumeToken, release: fromShown(news.release) };
}

type NewsInit = MessageInitShape<typeof operationService.WatchOperationResponseSchema>;

/** A piece of news about an operation. */
export function fromNews(told: OperationNews): NewsInit {
  if (told.kind === "operation") return { news: { case: "operation", value: fromOperation(told.operation) } };
  if (told.kind === "gap") return { news: { case: "gap", value: { from: told.from, to: told.to } } };
  const { time: at, type, ...rest } = told.event;
  // An event has the name and the fields that its message has.
  return {
    n: told.n,
    news: { case: type, value: { ...rest, time: timestampFromDate(at) } } as NonNullable<NewsInit["news"]>,
  };
}

export function fromObject({ apiVersion, kind, namespace, name }: ObjectName) {
  return { apiVersion, kind, namespace, name };
}

function time<K extends string>(key: K, date: Date | undefined): { [key in K]?: ReturnType<typeof timestampFromDate> } {
  return date === undefined ? {} : ({ [key]: timestampFromDate(date) } as never);
}
