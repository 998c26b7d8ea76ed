import { engine } from "@berth/contract";

import { checkUpload, resolveChart } from "../../charts/index.ts";
import type { UpgradeCommand } from "../../command.ts";
import type { Action } from "../action.ts";
import { toChart, toContext, toOptions, toValues } from "./request.ts";
import { runAction } from "./run.ts";
import type { ActionParts } from "./run.ts";

const REUSE = {
  reset: engine.ValuesReuse.RESET,
  reuse: engine.ValuesReuse.REUSE,
  resetThenReuse: engine.ValuesReuse.RESET_THEN_REUSE,
} as const;

/** Makes a new revision of a release. */
export function createUpgrade(parts: ActionParts): Action<UpgradeCommand> {
  return async (command, run) => {
    const chart = resolveChart(command.chart, parts.charts);
    checkUpload(command.chart, command.values);
    const { valuesReuse } = command;
    return runAction(parts, command.target, run, (target, options) =>
      parts.engine.upgrade(
        {
          target,
          context: toContext(command, run, chart),
          chart: toChart(chart, parts.egress),
          values: toValues(command.values),
          options: toOptions(command.options, command.labels),
          installIfMissing: command.installIfMissing ?? false,
          createNamespace: command.createNamespace ?? false,
          valuesReuse: valuesReuse === undefined ? engine.ValuesReuse.UNSPECIFIED : REUSE[valuesReuse],
          cleanupOnFail: command.cleanupOnFail ?? false,
        },
        options,
      ),
    );
  };
}
