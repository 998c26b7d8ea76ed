import { check, plan as pl, releaseService as api } from "@berth/sdk";
import type { Command } from "commander";

import { speaks, targetOf } from "../command.ts";
import type { Action, Maker } from "../command.ts";
import { CliError, EXIT } from "../errors.ts";
import type { ExitCode } from "../errors.ts";
import type { Io } from "../io.ts";
import { paint, paintDiff } from "../output/color.ts";
import { print } from "../output/print.ts";
import { wordOf } from "../output/text.ts";
import { addChartOptions, toChart } from "../request/chart.ts";
import type { ChartOptions } from "../request/chart.ts";
import { addExposeOption } from "../request/expose.ts";
import { ended, noteRedacted } from "./get.ts";
import { addInstallOptions, toInstallRequest } from "./install.ts";
import type { InstallOptions } from "./install.ts";
import { addUpgradeOptions, toUpgradeRequest } from "./upgrade.ts";
import type { UpgradeOptions } from "./upgrade.ts";

interface ExitOptions {
  readonly exitCode?: boolean;
}

/** `berth diff revision|upgrade|install|values`. */
export function addDiff(program: Command, maker: Maker): void {
  const diff = program
    .command("diff")
    .summary("show what has changed or would change")
    .description("Shows what has changed, or what would change, and changes nothing.");
  const part = (name: string, what: string) =>
    diff
      .command(name)
      .summary(what)
      .description(`Shows ${what}.`)
      .option("--exit-code", "end with 8 where there are differences");
  const revision = part("revision", "what lies between two revisions")
    .argument("<name>", "name of the release")
    .argument("[from]", "the older revision; the one before where absent")
    .argument("[to]", "the newer revision; the newest where absent");
  speaks<ExitOptions>(maker, revision, revisions);
  const upgrade = part("upgrade", "what an upgrade would change on the live cluster")
    .argument("<name>", "name of the release")
    .argument("<chart>", "folder or .tgz of this machine, URL, or name of the chart");
  speaks<UpgradeOptions & ExitOptions>(maker, addUpgradeOptions(upgrade), async (session, options, name, chart) => {
    const request = await toUpgradeRequest(session, options, name, chart);
    const message = await session.berth.releases.planUpgrade(request, session.call);
    print(session.io, options.format, {
      schema: pl.PlanSchema,
      message,
      show: () => describePlan(session.io, message),
    });
    return exitOf(options, changes(message));
  });
  const install = part("install", "what an install would make on the live cluster")
    .argument("[name]", "name of the release")
    .argument("[chart]", "folder or .tgz of this machine, URL, or name of the chart");
  speaks<InstallOptions & ExitOptions>(
    maker,
    addExposeOption(addInstallOptions(install)),
    async (session, options, ...args) => {
      const request = await toInstallRequest(session, options, args);
      const message = await session.berth.releases.planInstall(request, session.call);
      print(session.io, options.format, {
        schema: pl.PlanSchema,
        message,
        show: () => describePlan(session.io, message),
      });
      return exitOf(options, changes(message));
    },
  );
  const values = part("values", "how a release's values fit the defaults of another chart")
    .argument("<name>", "name of the release")
    .argument("<chart>", "folder or .tgz of this machine, URL, or name of the chart");
  speaks<ChartOptions & ExitOptions>(maker, addChartOptions(values), async (session, options, name, chart = "") => {
    const request = { ...targetOf(session, name), chart: await toChart(session.io, chart, options) };
    const message = await session.berth.releases.compareReleaseValues(request, session.call);
    const show = () => ({
      columns: ["PATH", "FINDING", "MINE", "DEFAULT", "MOVED TO"],
      rows: message.findings.map(({ path, kind, mine, default: theirs, movedTo }) => {
        return [path, wordOf(api.ValueFindingKind, kind), mine, theirs, movedTo];
      }),
    });
    print(session.io, options.format, { schema: api.CompareReleaseValuesResponseSchema, message, show });
    return exitOf(options, message.findings.length);
  });
}

/** `berth check`. */
export function addCheck(program: Command, maker: Maker): void {
  const command = program
    .command("check")
    .argument("<name>", "name of the release")
    .summary("show what of a release has drifted")
    .description("Shows what of a release is not as its stored manifest has it, field by field.")
    .option("--exit-code", "end with 8 where something has drifted");
  speaks<ExitOptions>(maker, command, async (session, options, name) => {
    const message = await session.berth.releases.checkRelease(targetOf(session, name), session.call);
    const rows = message.objects.flatMap(({ object, state, fields, error }) => {
      const head = [`${object?.kind ?? ""}/${object?.name ?? ""}`, wordOf(check.CheckState, state)];
      if (fields.length === 0) return [[...head, error?.message ?? "", "", ""]];
      return fields.map((field) => [...head, field.path, field.live, field.wanted]);
    });
    const show = () => ({ columns: ["OBJECT", "STATE", "FIELD", "LIVE", "WANTED"], rows });
    print(session.io, options.format, { schema: check.CheckReleaseResponseSchema, message, show });
    return exitOf(options, message.inSync ? 0 : 1);
  });
}

const revisions: Action<ExitOptions> = async (session, options, name, from = "0", to = "0") => {
  for (const one of [from, to]) {
    if (!/^\d{1,9}$/.test(one)) throw new CliError(`"${one}" is no number of a revision.`, "berth history NAME");
  }
  const request = { ...targetOf(session, name), from: Number(from), to: Number(to) };
  const message = await session.berth.releases.diffRelease(request, session.call);
  const show = () =>
    paintDiff(
      session.io,
      [message.values, message.manifest]
        .filter((text) => text !== "")
        .map(ended)
        .join(""),
    );
  print(session.io, options.format, { schema: api.DiffReleaseResponseSchema, message, show });
  noteRedacted(session.io, message);
  return exitOf(options, message.manifest.length + message.values.length);
};

function exitOf({ exitCode }: ExitOptions, differences: number): ExitCode {
  return exitCode === true && differences > 0 ? EXIT.different : EXIT.ok;
}

function changes({ summary, valuesDiff }: pl.Plan): number {
  const { create = 0, update = 0, delete: removed = 0 } = summary ?? {};
  return create + update + removed + valuesDiff.length;
}

/** A plan for people: each object with its diff, the sum, and the token that makes it happen. */
function describePlan(io: Io, plan: pl.Plan): string {
  const parts = plan.objects.flatMap(({ object, change, diff, error }) => {
    const isSame = change === pl.PlannedChange.UNCHANGED && error === undefined;
    if (isSame) return [];
    const refused =
      error === undefined ? "" : paint(io, io.stdout, "red", `  refused: ${error.message} (${error.code})\n`);
    const head = `${wordOf(pl.PlannedChange, change)} ${object?.kind ?? ""} ${object?.namespace ?? ""}/${object?.name ?? ""}\n`;
    return [head, refused, paintDiff(io, ended(diff))];
  });
  const { create = 0, update = 0, unchanged = 0, delete: removed = 0, keep = 0, refused = 0 } = plan.summary ?? {};
  const sum = `create ${create}, update ${update}, unchanged ${unchanged}, delete ${removed}, keep ${keep}, refused ${refused}`;
  const crds = plan.crds.filter((one) => one.differs).map(({ name }) => `definition ${name} differs and stays so\n`);
  return [...parts, paintDiff(io, ended(plan.valuesDiff)), ...crds, `${sum}\nplan token: ${plan.token}\n`].join("");
}
