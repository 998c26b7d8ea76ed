import { releaseService as api } from "@berth/sdk";
import type { Command } from "commander";

import { speaks, targetOf } from "../command.ts";
import type { Maker } from "../command.ts";
import { addDetach, addNotesOptions, write } from "../operations/write.ts";
import { toChart } from "../request/chart.ts";
import { addPolicyOptions, toLabels, toOptions, toPolicy } from "../request/options.ts";
import { toValues } from "../request/values.ts";
import type { Session } from "../session.ts";
import { addInstallOptions } from "./install.ts";
import type { InstallOptions } from "./install.ts";

/** Options of `berth upgrade`. */
export interface UpgradeOptions extends InstallOptions {
  readonly install?: boolean;
  readonly reuseValues?: boolean;
  readonly resetValues?: boolean;
  readonly resetThenReuseValues?: boolean;
  readonly cleanupOnFail?: boolean;
}

/** `berth upgrade`. */
export function addUpgrade(program: Command, maker: Maker): void {
  const command = program
    .command("upgrade")
    .argument("<name>", "name of the release")
    .argument("<chart>", "folder or .tgz of this machine, URL, or name of the chart")
    .summary("upgrade a release to a chart and values")
    .description("Upgrades a release to a chart and values and waits for the operation's end.")
    .option("--plan-token <token>", "do what was planned (berth diff upgrade), or nothing");
  addNotesOptions(addDetach(addPolicyOptions(addUpgradeOptions(command), true)));
  speaks<UpgradeOptions>(maker, command, async (session, options, name, chart) => {
    const request = await toUpgradeRequest(session, options, name, chart);
    await write(session, options.format, options, () => session.berth.releases.upgradeRelease(request, session.call));
  });
}

/** Adds what an upgrade is told. */
export function addUpgradeOptions(command: Command): Command {
  return addInstallOptions(command)
    .option("-i, --install", "install it where there is no such release")
    .option("--create-namespace", "with --install, make the namespace where it is missing")
    .option("--reuse-values", "begin with the values of the last revision")
    .option("--reset-values", "begin with the chart's values alone")
    .option("--reset-then-reuse-values", "begin with the chart's values and those that were given before")
    .option("--cleanup-on-fail", "delete what the upgrade has made where it fails");
}

/** Makes the request of `upgrade NAME CHART`. */
export async function toUpgradeRequest(session: Session, options: UpgradeOptions, name = "", chart = "") {
  const { install = false, createNamespace = false, cleanupOnFail = false, labels, planToken = "" } = options;
  return {
    ...targetOf(session, name),
    chart: await toChart(session.io, chart, options),
    ...(await toValues(session.io, options)),
    ...toPolicy(options),
    ...{ installIfMissing: install, createNamespace, cleanupOnFail, planToken },
    valuesReuse: reuseOf(options),
    options: toOptions(options),
    labels: toLabels(labels, true),
  };
}

function reuseOf({ resetThenReuseValues, reuseValues, resetValues }: UpgradeOptions): api.ValuesReuse {
  if (resetValues === true) return api.ValuesReuse.RESET;
  if (reuseValues === true) return api.ValuesReuse.REUSE;
  return resetThenReuseValues === true ? api.ValuesReuse.RESET_THEN_REUSE : api.ValuesReuse.UNSPECIFIED;
}
