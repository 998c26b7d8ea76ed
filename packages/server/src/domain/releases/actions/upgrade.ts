import type { UpgradeCommand } from "../../command.ts";
import type { Action } from "../action.ts";
import { toUpgrade } from "./request.ts";
import type { ActionParts } from "./run.ts";
import { runChart } from "./run-chart.ts";

/** Makes a new revision of a release. */
export function createUpgrade(parts: ActionParts): Action<UpgradeCommand> {
  return (command, run) =>
    runChart(parts, command, run, (request, bound, options) =>
      parts.engine.upgrade({ ...request, ...toUpgrade(bound) }, options),
    );
}
