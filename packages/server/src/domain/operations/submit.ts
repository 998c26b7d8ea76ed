import { BerthError, asBerthError } from "@berth/base";
import type { Clock } from "@berth/base";

import type { Access, Principal } from "../access/index.ts";
import type { Audit, AuditEntry } from "../audit/index.ts";
import type { Cluster, ClusterRegistry } from "../clusters/index.ts";
import type { Command, Verb } from "../command.ts";
import type { OperationRegistry } from "./registry.ts";
import type { Action, ActionRun, Actions, ProgressEvent, RequestContext } from "../releases/index.ts";
import type { Operation, OperationListener, Submit } from "./types.ts";

/** What the gate is made of. */
export interface SubmitParts {
  readonly access: Access;
  readonly audit: Audit;
  readonly clusters: ClusterRegistry;
  readonly actions: Actions;
  readonly registry: OperationRegistry;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly generateName: (chart: string) => string;
}

/** How often a generated name that is taken is replaced by a new one. */
const NAME_TRIES = 5;

/** Kubernetes' verb for each of Helm's, for the access check. */
const ACCESS_VERBS = {
  install: "create",
  upgrade: "update",
  rollback: "update",
  uninstall: "delete",
  test: "update",
} as const satisfies Record<Verb, string>;

/** Makes the gate. */
export function createSubmit(parts: SubmitParts): Submit {
  return async (principal, command, context, listener) => {
    if (command.verb !== "install" || command.target.name !== "") {
      return runOnce(parts, principal, command, context, listener);
    }
    const chart = command.chart.name ?? command.chart.path ?? "";
    for (let attempt = 1; ; attempt++) {
      const named = { ...command, target: { ...command.target, name: parts.generateName(chart) } };
      try {
        return await runOnce(parts, principal, named, context, listener);
      } catch (error) {
        const taken = error instanceof BerthError && error.code === "RELEASE_EXISTS";
        if (!taken || attempt === NAME_TRIES) throw error;
      }
    }
  };
}

async function runOnce(
  parts: SubmitParts,
  principal: Principal,
  command: Command,
  context: RequestContext,
  listener: OperationListener = {},
): Promise<Operation> {
  const cluster = parts.clusters.get(command.target.cluster);
  const id = parts.newId();
  const audit = (outcome: AuditEntry["outcome"], code?: string, revision?: number) =>
    parts.audit({
      principal: principal.name,
      verb: command.verb,
      resource: "releases",
      ...command.target,
      requestId: context.requestId,
      traceparent: context.traceparent,
      operation: id,
      outcome,
      code,
      revision,
    });
  try {
    await parts.access.check(principal, {
      verb: ACCESS_VERBS[command.verb],
      resource: "releases",
      ...command.target,
    });
  } catch (error) {
    audit("denied", asBerthError(error).code);
    throw error;
  }
  audit("asked");
  const operation = await perform(parts, { id, cluster, principal, command, context, listener });
  audit(endOutcome(operation), operation.error?.code, operation.result?.release?.revision);
  // Refused: nothing was changed, so there is nothing to answer but why.
  if (operation.result === undefined && operation.error !== undefined) throw operation.error;
  return operation;
}

function endOutcome(operation: Operation): AuditEntry["outcome"] {
  if (operation.result === undefined) return "refused";
  return operation.state as "succeeded" | "failed" | "cancelled";
}

interface Job {
  readonly id: string;
  readonly cluster: Cluster;
  readonly principal: Principal;
  readonly command: Command;
  readonly context: RequestContext;
  readonly listener: OperationListener;
}

async function perform(parts: SubmitParts, job: Job): Promise<Operation> {
  const { clock, registry } = parts;
  const now = new Date(clock.now());
  const abort = new AbortController();
  const ending = Promise.withResolvers<Operation>();
  let operation: Operation = {
    id: job.id,
    cluster: job.cluster.name,
    namespace: job.command.target.namespace,
    release: job.command.target.name,
    verb: job.command.verb,
    principal: job.principal.name,
    requestId: job.context.requestId,
    state: "running",
    phase: "",
    createTime: now,
    startTime: now,
    endTime: undefined,
    result: undefined,
    error: undefined,
  };
  registry.add(operation, abort, ending.promise);
  job.listener.started?.(operation);
  const onProgress = (event: ProgressEvent) => {
    if (event.type === "phase") {
      operation = { ...operation, phase: event.phase };
      registry.update(operation);
    }
    job.listener.progress?.(event);
  };
  const outcome = await act(parts.actions, job, { signal: abort.signal, onProgress });
  operation = { ...operation, ...outcome, endTime: new Date(clock.now()) };
  registry.end(operation);
  ending.resolve(operation);
  return operation;
}

async function act(
  actions: Actions,
  job: Job,
  seams: Pick<ActionRun, "signal" | "onProgress">,
): Promise<Pick<Operation, "state" | "result" | "error">> {
  try {
    // The table is total over verbs, so the action fits its command.
    const action = actions[job.command.verb] as Action;
    const outcome = await action(job.command, { ...job, ...seams, operationId: job.id });
    if (outcome.error === undefined) return { state: "succeeded", result: outcome.result, error: undefined };
    const state = outcome.error.code === "CANCELLED" ? "cancelled" : "failed";
    return { state, result: outcome.changed ? outcome.result : undefined, error: outcome.error };
  } catch (error) {
    const ours = asBerthError(error);
    return { state: ours.code === "CANCELLED" ? "cancelled" : "failed", result: undefined, error: ours };
  }
}
