import { engine } from "@berth/contract";
import { createTwoFilesPatch } from "diff";
import { parse } from "yaml";

import type { Access, Principal } from "../../access/index.ts";
import { toChart } from "../../charts/actions/wire.ts";
import { checkUpload } from "../../charts/index.ts";
import type { Cluster, ClusterRegistry } from "../../clusters/index.ts";
import type { AskOptions, InstallCommand, UpgradeCommand } from "../../command.ts";
import type { ActionRun } from "../action.ts";
import { makePlanToken } from "../plan-token.ts";
import { redactedYaml } from "../redact.ts";
import { refuseRedactedValues } from "../refuse-redacted.ts";
import { seesValues, showHooks } from "../shown.ts";
import type {
  Plan,
  PlannedChange,
  PlannedCrd,
  PlannedHook,
  PlannedObject,
  ReleasePlanner,
  RevisionContent,
} from "../types.ts";
import { fromError, fromHook, fromObject, throwError } from "./answer.ts";
import { toInstall, toOptions, toTarget, toUpgrade, toValues } from "./request.ts";
import type { ActionParts } from "./run.ts";

/** What the planner is made of. */
export interface PlannerParts extends Pick<ActionParts, "engine" | "charts" | "egress" | "storageOf"> {
  readonly access: Access;
  readonly clusters: ClusterRegistry;
}

/** Looks ahead through the engine. Who may not do it may not look either. */
export function createReleasePlanner(parts: PlannerParts): ReleasePlanner {
  const { clusters } = parts;
  const may = (principal: Principal, { verb, target }: InstallCommand | UpgradeCommand) =>
    parts.access.check(principal, { verb: verb === "install" ? "create" : "update", resource: "releases", ...target });
  return {
    async plan(principal, command, options) {
      await may(principal, command);
      const cluster = clusters.get(command.target.cluster);
      const answer = await askForPlan(parts, { cluster, principal }, command, options);
      throwError(answer.error);
      return toPlan(command, answer, await shownOf(parts, principal, command, answer));
    },
    async render(principal, command, { signal } = {}) {
      await may(principal, command);
      checkUpload(command.chart, command.values);
      const { target } = command;
      const request = {
        target: toTarget(clusters.get(target.cluster), principal, target, await parts.storageOf(target)),
        chart: toChart(await parts.charts(principal, target.namespace, command.chart, { signal }), parts.egress),
        values: toValues(command.values),
        options: toOptions(command.options, command.labels),
        server: true,
      };
      const answer = await parts.engine.render(request, { signal });
      const { manifest, notes, hooks, chartDigest, encodedSize, error } = answer;
      throwError(error);
      return { manifest, notes, hooks: hooks.map(fromHook), chartDigest, encodedSize: Number(encodedSize) };
    },
  };
}

/** Asks the engine what a command would change. */
async function askForPlan(
  parts: Pick<ActionParts, "engine" | "charts" | "egress" | "storageOf">,
  { cluster, principal }: { readonly cluster: Cluster; readonly principal: Principal },
  command: InstallCommand | UpgradeCommand,
  { signal }: AskOptions = {},
): Promise<engine.PlanResponse> {
  checkUpload(command.chart, command.values);
  refuseRedactedValues(command.values);
  const chart = await parts.charts(principal, command.target.namespace, command.chart, { signal });
  const { expectedRevision } = command;
  const common = {
    target: toTarget(cluster, principal, command.target, await parts.storageOf(command.target)),
    chart: toChart(chart, parts.egress),
    context: expectedRevision === undefined ? {} : { expectedRevision },
  };
  const verb =
    command.verb === "install"
      ? ({ case: "install", value: { ...common, ...toInstall(command) } } as const)
      : ({ case: "upgrade", value: { ...common, ...toUpgrade(command) } } as const);
  return parts.engine.plan({ verb }, { signal });
}

/** Refuses a dry run with the first thing that the API server would refuse. */
export async function refuseWhatWouldFail(
  parts: ActionParts,
  run: ActionRun,
  command: InstallCommand | UpgradeCommand,
): Promise<void> {
  const answer = await askForPlan(parts, run, command, run);
  throwError(answer.error);
  throwError(answer.crds.find(({ error }) => error !== undefined)?.error);
  const refused = answer.objects.find(({ error }) => error !== undefined);
  if (refused?.error !== undefined) {
    throwError({ ...refused.error, object: refused.error.object ?? refused.object });
  }
  throwError(answer.hooks.find(({ error }) => error !== undefined)?.error);
}

const CHANGES: Readonly<Record<number, PlannedChange>> = {
  [engine.PlannedChange.CREATE]: "create",
  [engine.PlannedChange.UPDATE]: "update",
  [engine.PlannedChange.UNCHANGED]: "unchanged",
  [engine.PlannedChange.DELETE]: "delete",
  [engine.PlannedChange.KEEP]: "keep",
};

function toChange(change: engine.PlannedChange): PlannedChange {
  return CHANGES[change] ?? "unchanged";
}

/** What of an answer the caller may see: who may not read Secrets there sees no values. */
async function shownOf(
  { access }: Pick<PlannerParts, "access">,
  principal: Principal,
  { target }: InstallCommand | UpgradeCommand,
  { currentValuesYaml: current, plannedValuesYaml: planned, hooks }: engine.PlanResponse,
): Promise<Pick<Plan, "hooks" | "valuesDiff" | "redacted">> {
  const isShown = await seesValues(access, principal, target);
  const read = (text: string) => (parse(text) ?? {}) as RevisionContent["values"];
  const valuesDiff = isShown
    ? patch("values", current, planned)
    : patch("values", redactedYaml(read(current)), redactedYaml(read(planned), read(current)));
  const shown = await showHooks(access, principal, target, hooks.flatMap(toPlannedHook));
  return { hooks: shown, valuesDiff, redacted: !isShown };
}

function toPlan(
  command: InstallCommand | UpgradeCommand,
  answer: engine.PlanResponse,
  shown: Pick<Plan, "hooks" | "valuesDiff" | "redacted">,
): Plan {
  const { chartName, chartVersion, appVersion, chartDigest, revision } = answer;
  return {
    token: makePlanToken(command, { revision, chartDigest, chartVersion }),
    verb: answer.isInstall ? "install" : "upgrade",
    chart: { name: chartName, version: chartVersion, appVersion },
    chartDigest,
    revision,
    objects: answer.objects.map(toPlannedObject),
    crds: answer.crds.map(toPlannedCrd),
    ...shown,
    encodedSize: Number(answer.encodedSize),
  };
}

function toPlannedHook({ hook, error }: engine.PlannedHook): PlannedHook[] {
  return hook === undefined ? [] : [{ ...fromHook(hook), error: error === undefined ? undefined : fromError(error) }];
}

function toPlannedCrd({ name, change, differs, live, planned, error }: engine.PlannedCrd): PlannedCrd {
  const diff = patch(`CustomResourceDefinition ${name}`, live, planned);
  return { name, change: toChange(change), differs, diff, error: error === undefined ? undefined : fromError(error) };
}

function toPlannedObject({ object, change, live, planned, error }: engine.PlannedObject): PlannedObject {
  const name = fromObject(object);
  return {
    object: name,
    change: toChange(change),
    diff: change === engine.PlannedChange.KEEP ? "" : patch(`${name.kind} ${name.name}`, live, planned),
    live,
    planned,
    error: error === undefined ? undefined : fromError(error),
  };
}

function patch(what: string, before: string, after: string): string {
  if (before === after) return "";
  return createTwoFilesPatch(`${what}, live`, `${what}, planned`, before, after, "", "", { context: 3 });
}
