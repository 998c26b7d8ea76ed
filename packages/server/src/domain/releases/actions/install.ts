import { checkUpload, resolveChart } from "../../charts/index.ts";
import type { InstallCommand } from "../../command.ts";
import type { Action } from "../action.ts";
import { toChart, toContext, toOptions, toValues } from "./request.ts";
import { runAction } from "./run.ts";
import type { ActionParts } from "./run.ts";

/** Installs a chart as a new release. */
export function createInstall(parts: ActionParts): Action<InstallCommand> {
  return async (command, run) => {
    const chart = resolveChart(command.chart, parts.charts);
    checkUpload(command.chart, command.values);
    return runAction(parts, command.target, run, (target, options) =>
      parts.engine.install(
        {
          target,
          context: toContext(command, run, chart),
          chart: toChart(chart, parts.egress),
          values: toValues(command.values),
          options: toOptions(command.options, command.labels),
          createNamespace: command.createNamespace ?? false,
          replace: command.replace ?? false,
        },
        options,
      ),
    );
  };
}
