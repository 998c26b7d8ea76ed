import { resolveChart } from "../../charts/index.ts";
import type { InstallCommand } from "../../command.ts";
import type { Action } from "../action.ts";
import { toChart, toContext, toOptions, toTarget, toValues } from "./request.ts";
import { runAction } from "./run.ts";
import type { ActionParts } from "./run.ts";

/** Installs a chart as a new release. */
export function createInstall(parts: ActionParts): Action<InstallCommand> {
  return async (command, run) => {
    const chart = resolveChart(command.chart, parts.charts);
    const { target } = command;
    return runAction(parts, target, run, (options) =>
      parts.engine.install(
        {
          target: toTarget(run.cluster, run.principal, target, parts.storageOf(target)),
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
