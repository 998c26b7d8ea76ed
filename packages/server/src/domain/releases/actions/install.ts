import type { InstallCommand } from "../../command.ts";
import type { Action } from "../action.ts";
import { toInstall } from "./request.ts";
import type { ActionParts } from "./run.ts";
import { runChart } from "./run-chart.ts";

/** Installs a chart as a new release. */
export function createInstall(parts: ActionParts): Action<InstallCommand> {
  return (command, run) =>
    runChart(parts, command, run, (request, bound, options) =>
      parts.engine.install({ ...request, ...toInstall(bound) }, options),
    );
}
