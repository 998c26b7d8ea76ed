import type { engine } from "@berth/contract";
import type { RunOptions } from "@berth/engine-client";

import { toChart } from "../../charts/actions/wire.ts";
import { checkUpload } from "../../charts/index.ts";
import type { InstallCommand, UpgradeCommand } from "../../command.ts";
import type { ActionOutcome, ActionRun } from "../action.ts";
import { asStale, bindToPlan } from "../plan-token.ts";
import { refuseWhatWouldFail } from "./plan.ts";
import { toContext } from "./request.ts";
import type { toTarget } from "./request.ts";
import { runAction } from "./run.ts";
import type { ActionParts } from "./run.ts";

/** The part of an install's and an upgrade's request that is the same. */
export interface ChartRequest {
  readonly target: ReturnType<typeof toTarget>;
  readonly context: ReturnType<typeof toContext>;
  readonly chart: ReturnType<typeof toChart>;
}

/** Runs a verb that takes a chart: as its plan said, if it names one; as a dry run, if nothing is to be changed. */
export async function runChart<Command extends InstallCommand | UpgradeCommand>(
  parts: ActionParts,
  command: Command,
  run: ActionRun,
  call: (request: ChartRequest, bound: Command, options: RunOptions) => Promise<engine.ActionResult>,
): Promise<ActionOutcome> {
  const bound = bindToPlan(command);
  const resolved = await parts.charts(run.principal, bound.target.namespace, bound.chart);
  checkUpload(bound.chart, bound.values);
  if (bound.options?.dryRun === true) await refuseWhatWouldFail(parts, run, bound);
  const chart = toChart(resolved, parts.egress);
  const context = toContext(bound, run, resolved);
  const outcome = await runAction(parts, bound.target, run, (target, options) =>
    call({ target, context, chart }, bound, options),
  );
  const { error } = outcome;
  return error === undefined || outcome.changed ? outcome : { ...outcome, error: asStale(command, error) };
}
