import { BerthError, isErrorCode } from "@berth/base";
import type { ObjectName } from "@berth/base";
import { engine } from "@berth/contract";

import type { ActionOutcome, ActionPhase, ProgressEvent } from "../action.ts";
import type { Hook, ObjectStatus, Release } from "../types.ts";

/*
 * What the engine says, in the domain's words.
 */

interface Timestamp {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** A release as the engine read it back. */
export function fromRelease(cluster: string, release: engine.Release): Release {
  return {
    cluster,
    namespace: release.namespace,
    name: release.name,
    revision: release.revision,
    status: release.status,
    description: release.description,
    firstDeployed: fromTime(release.firstDeployed),
    lastDeployed: fromTime(release.lastDeployed),
    deleted: fromTime(release.deleted),
    chart: { name: release.chartName, version: release.chartVersion, appVersion: release.appVersion },
    labels: release.labels,
    provenance: release.provenance,
    operationId: release.operationId,
    unreadable: "",
    managedBy: release.managedBy,
  };
}

/** How an action ended, as the engine says. */
export function fromResult(cluster: string, result: engine.ActionResult): ActionOutcome {
  const { release, rendered } = result;
  const firstService = release?.firstService ?? "";
  return {
    changed: result.changed,
    error: result.error === undefined ? undefined : fromError(result.error),
    result: {
      release: release === undefined ? undefined : fromRelease(cluster, release),
      chartDigest: result.chartDigest,
      resourceVersion: result.resourceVersion,
      manifest: rendered?.manifest ?? "",
      notes: rendered?.notes ?? "",
      firstService: firstService === "" ? undefined : firstService,
    },
  };
}

/** An error of the engine. A code that is not of the list is INTERNAL. */
export function fromError(error: engine.ActionError): BerthError {
  const code = isErrorCode(error.code) ? error.code : "INTERNAL";
  return new BerthError(code, error.message, {
    field: error.field === "" ? undefined : error.field,
    object: error.object === undefined ? undefined : fromObject(error.object),
    reason: error.reason === "" ? undefined : error.reason,
    details: error.details,
  });
}

/** Throws what an answer carries as its error. */
export function throwError(error: engine.ActionError | undefined): void {
  if (error !== undefined) throw fromError(error);
}

/** A hook of a stored revision. */
export function fromHook(hook: engine.Hook): Hook {
  const { name, kind, path, events, weight, deletePolicies, manifest, lastPhase } = hook;
  const lastStarted = fromTime(hook.lastStarted);
  const lastCompleted = fromTime(hook.lastCompleted);
  return { name, kind, path, events, weight, deletePolicies, manifest, lastPhase, lastStarted, lastCompleted };
}

/** The live state of an object. */
export function fromObjectStatus(status: engine.ObjectStatus): ObjectStatus {
  return { object: fromObject(status.object), status: status.status, reason: status.reason };
}

const PHASES = {
  [engine.Phase.UNSPECIFIED]: "",
  [engine.Phase.FETCHING]: "fetching",
  [engine.Phase.RENDERING]: "rendering",
  [engine.Phase.CRDS]: "crds",
  [engine.Phase.PRE_HOOKS]: "pre-hooks",
  [engine.Phase.APPLYING]: "applying",
  [engine.Phase.WAITING]: "waiting",
  [engine.Phase.POST_HOOKS]: "post-hooks",
  [engine.Phase.DELETING]: "deleting",
  [engine.Phase.TESTING]: "testing",
  [engine.Phase.SETTLING]: "settling",
} as const satisfies Record<number, ActionPhase>;

/** What happened while an action ran; undefined for the result, which is no progress. */
export function fromEvent(event: engine.ActionEvent): ProgressEvent | undefined {
  const time = fromTime(event.time) ?? new Date(0);
  switch (event.event.case) {
    case "phase":
      return { time, type: "phase", phase: (PHASES as Record<number, ActionPhase>)[event.event.value] ?? "" };
    case "applied": {
      const { done, total, object } = event.event.value;
      return { time, type: "applied", done, total, object: fromObject(object) };
    }
    case "status":
      return { time, type: "status", ...fromObjectStatus(event.event.value) };
    case "hook": {
      const { name, event: hookEvent, phase } = event.event.value;
      return { time, type: "hook", name, event: hookEvent, phase };
    }
    case "log": {
      const { pod, container, text } = event.event.value;
      return { time, type: "log", pod, container, text };
    }
    default:
      return undefined;
  }
}

/** Names an object. */
export function fromObject(object: engine.ObjectReference | undefined): ObjectName {
  const { apiVersion = "", kind = "", namespace = "", name = "" } = object ?? {};
  return { apiVersion, kind, namespace, name };
}

function fromTime(time: Timestamp | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(Number(time.seconds) * 1000 + time.nanos / 1e6);
}
