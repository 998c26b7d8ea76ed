import { basename, resolve } from "node:path";

import type { Command } from "commander";

import { speaks, targetOf } from "../command.ts";
import type { Maker } from "../command.ts";
import { CliError } from "../errors.ts";
import { addDetach, addNotesOptions, write } from "../operations/write.ts";
import type { WriteOptions } from "../operations/write.ts";
import { addChartOptions, toChart } from "../request/chart.ts";
import type { ChartOptions } from "../request/chart.ts";
import { addExposeOption, toExpose } from "../request/expose.ts";
import type { ExposeOptions } from "../request/expose.ts";
import { addChartWriteOptions, addPolicyOptions, toLabels, toOptions, toPolicy } from "../request/options.ts";
import type { HelmOptions, PolicyOptions } from "../request/options.ts";
import { addValuesOptions, toValues } from "../request/values.ts";
import type { ValuesOptions } from "../request/values.ts";
import type { Session } from "../session.ts";

/** Options of commands that make a release out of a chart, or would. */
export interface InstallOptions
  extends ChartOptions, ValuesOptions, HelmOptions, PolicyOptions, WriteOptions, ExposeOptions {
  readonly generateName?: boolean;
  readonly createNamespace?: boolean;
  readonly replace?: boolean;
  readonly labels?: readonly string[];
  readonly planToken?: string;
}

/** `berth install`. */
export function addInstall(program: Command, maker: Maker): void {
  const command = program
    .command("install")
    .argument("[name]", "name of the release; none with --generate-name")
    .argument("[chart]", "folder or .tgz of this machine, URL, or name of the chart")
    .summary("install a chart as a release")
    .description("Installs a chart as a new release and waits for the operation's end.")
    .option("-g, --generate-name", "make a name out of the chart's")
    .option("--create-namespace", "make the namespace where it is missing")
    .option("--replace", "use the name again of a release that was uninstalled with its history kept")
    .option("--plan-token <token>", "do what was planned (berth diff install), or nothing");
  addExposeOption(addInstallOptions(command));
  addNotesOptions(addDetach(addPolicyOptions(command, true)));
  speaks<InstallOptions>(maker, command, async (session, options, ...args) => {
    const request = await toInstallRequest(session, options, args);
    await write(session, options.format, options, () => session.berth.releases.installRelease(request, session.call));
  });
}

/** Adds where the chart comes from, its values, and how it is applied. */
export function addInstallOptions(command: Command): Command {
  return addChartWriteOptions(addValuesOptions(addChartOptions(command)));
}

/** Makes the request of `install [NAME] CHART`, as Helm reads its arguments. */
export async function toInstallRequest(
  session: Session,
  options: InstallOptions,
  [first, second]: readonly (string | undefined)[],
) {
  const { generateName = false, createNamespace = false, replace = false, labels, planToken = "" } = options;
  if (first === undefined) throw new CliError("A chart is missing.", "berth install NAME CHART");
  if (second === undefined && !generateName) {
    throw new CliError("A release name or a chart is missing.", "berth install NAME CHART, or --generate-name CHART.");
  }
  if (second !== undefined && generateName) {
    throw new CliError("There is a name and --generate-name.", "Leave one of them away.");
  }
  const chart = await toChart(session.io, second ?? first, options);
  // What is uploaded has no name to Berth: it is that of the file, as Helm has it. A key wants the same request each time.
  const isMade = generateName && "archive" in chart && options.idempotencyKey === undefined;
  const made = isMade ? nameOfFile(first, session.berth.connection.clock.now()) : "";
  return {
    ...targetOf(session, second === undefined ? made : first),
    chart,
    ...(await toValues(session.io, options)),
    ...toPolicy(options),
    ...{ generateName: generateName && made === "", createNamespace, replace, planToken },
    options: toOptions(options),
    labels: toLabels(labels),
    expose: toExpose(options),
  };
}

/** A name out of a file's or folder's, up to its first dot, and the time in seconds. */
function nameOfFile(path: string, now: number): string {
  const [base = ""] = basename(resolve(path)).split(".");
  const word = base
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, "-")
    .replace(/^-+|-+$/g, "");
  return `${word === "" ? "chart" : word.slice(0, 40)}-${String(Math.floor(now / 1000))}`;
}
