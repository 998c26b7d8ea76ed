import { BerthError, asBerthError } from "@berth/base";
import type { Clock } from "@berth/base";
import { isConflict } from "@berth/kube";

import type { Access, Principal } from "../access/index.ts";
import type { Audit, AuditEntry } from "../audit/index.ts";
import type { ClusterRegistry } from "../clusters/index.ts";
import { checkUpload } from "../charts/index.ts";
import type { ChartResolver } from "../charts/index.ts";
import type { Command, InstallCommand, ReleaseTarget, UpgradeCommand } from "../command.ts";
import type { Actions, RequestContext } from "../releases/index.ts";
import { bindToPlan, refuseRedactedValues } from "../releases/index.ts";
import { accept } from "./accept.ts";
import type { AcceptParts } from "./accept.ts";
import { ACCESS_VERBS } from "./access-verbs.ts";
import { dryRun } from "./dry-run.ts";
import type { HomeCache } from "./store/cache.ts";
import { queueName } from "./store/names.ts";
import type { HomeWrites } from "./store/writes.ts";
import type { Followers } from "./followers.ts";
import { toOperation } from "./record.ts";
import type { OperationRecord } from "./record.ts";
import type { Exposing, Operation, Submit, SubmitOptions } from "./types.ts";

/** What the gate is made of. */
export interface SubmitParts {
  readonly access: Access;
  readonly audit: Audit;
  readonly clusters: ClusterRegistry;
  readonly actions: Actions;
  readonly charts: ChartResolver;
  readonly cache: HomeCache;
  readonly writes: HomeWrites;
  readonly followers: Followers;
  readonly exposing: Exposing;
  readonly clock: Clock;
  readonly offer: AcceptParts["offer"];
  readonly newId: () => string;
  readonly generateName: (chart: string) => string;
  /** Whether a release of that name is stored, as far as is known. */
  readonly isStored: (target: ReleaseTarget) => boolean;
  /** Operations that may be open, in all and of one principal. */
  readonly maxOpen: { readonly all: number; readonly perTenant: number };
  /** INVALID_ARGUMENT where a callback's URL may not be told. */
  readonly checkCallback: (url: string | undefined) => void;
}

/** How often a generated name that is taken is replaced by a new one. */
const NAME_TRIES = 20;

/** Makes the gate. */
export function createSubmit(parts: SubmitParts): Submit {
  return async (principal, command, context, options = {}) => {
    parts.clusters.get(command.target.cluster);
    const id = parts.newId();
    const audit = (outcome: AuditEntry["outcome"], code?: string) =>
      parts.audit({
        ...{ principal: principal.name, verb: command.verb, resource: "releases", ...command.target },
        ...{ requestId: context.requestId, traceparent: context.traceparent, operation: id, outcome, code },
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
    const asked = { id, principal, command, context, options };
    let accepted: Operation;
    try {
      parts.checkCallback(options.policy?.callbackUrl);
      if (command.verb === "install" && command.expose !== undefined) {
        parts.exposing.check(command.target, command.expose);
      }
      if (command.options?.dryRun === true) return await dryRun(parts, asked);
      accepted = toOperation(await acceptOne(parts, asked));
    } catch (error) {
      audit("refused", asBerthError(error).code);
      throw error;
    }
    await exposeAccepted(parts, principal, command, context, accepted);
    options.onAccepted?.(accepted);
    return outcomeOf(parts, accepted, options);
  };
}

/**
 * What an install is to expose is made at once, so that its address is known
 * before it is ready. What cannot be yet, such as in a namespace that the install
 * makes, whoever brings it to its end makes then.
 */
async function exposeAccepted(
  { exposing }: SubmitParts,
  principal: Principal,
  command: Command,
  context: RequestContext,
  { cluster, namespace, release }: Operation,
): Promise<void> {
  if (command.verb !== "install" || command.expose === undefined || command.expose.length === 0) return;
  const target = { cluster, namespace, name: release };
  await exposing.make(principal, target, command.expose, context).catch(() => undefined);
}

interface Asked {
  readonly id: string;
  readonly principal: Principal;
  readonly command: Command;
  readonly context: RequestContext;
  readonly options: SubmitOptions;
}

async function acceptOne(parts: SubmitParts, asked: Asked): Promise<OperationRecord> {
  checkRoom(parts, asked.principal);
  const { command } = asked;
  if (command.verb === "install" || command.verb === "upgrade") await checkChart(parts, asked.principal, command);
  const reserve = command.verb === "install" && command.target.name === "" ? reserveName(parts, asked.id) : undefined;
  const check = command.verb === "unlock" ? () => checkFree(parts, command.target) : undefined;
  return accept(parts, { ...asked, reserve, check });
}

/** While an operation of the release is open, that one gives it its ending. */
function checkFree({ cache }: SubmitParts, target: ReleaseTarget): void {
  const [open] = cache.openOf(target);
  if (open === undefined) return;
  const { name } = open.metadata;
  throw new BerthError("RELEASE_PENDING", `Operation ${name} of the release has not ended.`, {
    hint: `Wait until it has, or cancel it (POST /v1/operations/${name}:cancel).`,
    details: { operation: name },
  });
}

/** Says at once what is wrong without a look at the release's cluster or the chart's place. */
async function checkChart(
  { charts }: Pick<SubmitParts, "charts">,
  principal: Principal,
  command: InstallCommand | UpgradeCommand,
): Promise<void> {
  const { chart, values } = bindToPlan(command);
  await charts(principal, command.target.namespace, chart);
  checkUpload(chart, values);
  refuseRedactedValues(values);
}

/** What an operation has come to by the end of the time to wait. Throws where it was refused. */
async function outcomeOf(
  { followers }: SubmitParts,
  accepted: Operation,
  { waitMs = 0, signal }: SubmitOptions,
): Promise<Operation> {
  if (waitMs === 0) return accepted;
  const later = await followers.ended(accepted.id, waitMs, { signal });
  const known = later === undefined ? accepted : toOperation(later);
  const isRefused = known.endTime !== undefined && known.result === undefined;
  // Nothing was changed, so there is nothing to answer but why.
  if (isRefused && known.error !== undefined) throw withOperation(known.error, known.id);
  return known;
}

/** The error of an operation, which says of which one. */
function withOperation(error: BerthError, operation: string): BerthError {
  const { field, hint, object, reason, details } = error;
  return new BerthError(error.code, error.message, {
    ...{ field, hint, object, reason, cause: error.cause },
    details: { ...details, operation },
  });
}

function checkRoom({ cache, maxOpen }: SubmitParts, { name }: Principal): void {
  const all = cache.operations.byIndex("open", "all").length;
  const mine = cache.operations.byIndex("open", `tenant ${name}`).length;
  if (all < maxOpen.all && mine < maxOpen.perTenant) return;
  const limit = all < maxOpen.all ? maxOpen.perTenant : maxOpen.all;
  throw new BerthError("EXHAUSTED", `There are ${String(limit)} operations waiting or running already.`, {
    details: { limit: String(limit), retryAfter: "10" },
  });
}

/** Takes a name that nobody has: its queue is made, and who makes it has it. */
function reserveName({ generateName, writes, isStored }: SubmitParts, id: string) {
  return async (command: Extract<Command, { verb: "install" }>): Promise<ReleaseTarget> => {
    const { name, path, url } = command.chart;
    for (let attempt = 1; ; attempt++) {
      const target = { ...command.target, name: generateName(name ?? path ?? url ?? "") };
      if (isStored(target)) continue;
      try {
        await writes.createQueue(queueName(target), id);
        return target;
      } catch (error) {
        if (!isConflict(error) || attempt === NAME_TRIES) throw error;
      }
    }
  };
}
