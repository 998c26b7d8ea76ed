import { chartService as api } from "@berth/sdk";
import type { Command } from "commander";
import { parse, stringify } from "yaml";

import { speaks, toNumber } from "../command.ts";
import type { Maker } from "../command.ts";
import { CliError, EXIT } from "../errors.ts";
import { refusalOf } from "../helm/refused.ts";
import { formatJsonPath } from "../output/jsonpath.ts";
import { print } from "../output/print.ts";
import { timeText } from "../output/text.ts";
import { ALSO_UNRELEASED, addChartOptions, toChart } from "../request/chart.ts";
import type { ChartOptions } from "../request/chart.ts";
import { readDefinitions } from "../request/files.ts";
import { ended } from "./get.ts";

interface SearchOptions extends ChartOptions {
  readonly versions?: string | boolean;
  readonly deprecated?: boolean;
  readonly max?: number;
  readonly maxColWidth?: number;
  readonly failOnNoResult?: boolean;
}

const DEFAULT_MAX = 100;

/** `berth search`. */
export function addSearch(program: Command, maker: Maker): void {
  const command = program
    .command("search")
    .argument("[words...]", "words that name, description or keywords have; with --versions the chart's name")
    .summary("find charts and their versions")
    .description("Finds charts in one repository (--repo, --source), or in all that have a name.")
    .option("-l, --versions", "list the versions of the chart that is named")
    .option("--deprecated", "those that are deprecated, too")
    .option("-m, --max <n>", "at most so many", toNumber, DEFAULT_MAX)
    .option("--max-col-width <n>", "cut columns that are wider; 0 cuts none", toNumber, 0)
    .option("--fail-on-no-result", "end with 3 where nothing is found");
  speaks<SearchOptions>(maker, addChartOptions(command), async (session, options, ...words) => {
    const { berth, namespace, call, io } = session;
    const { format, max: pageSize = DEFAULT_MAX, repo = "", source = "" } = options;
    const version = options.version ?? (options.devel === true ? ALSO_UNRELEASED : "");
    // Helm's fingers say `search repo WORD`.
    if (words[0] === "hub" && words.length > 1) {
      throw new CliError("Artifact Hub is not searched.", refusalOf("--endpoint"));
    }
    const query = words[0] === "repo" ? words.slice(1) : words;
    const found = (count: number) => {
      if (options.failOnNoResult === true && count === 0) throw new CliError("Nothing was found.", "", EXIT.notFound);
    };
    if (options.versions === true) {
      const chart = { ...(await toChart(io, query.join(" "), options)), version: "" };
      const message = await berth.charts.listChartVersions({ namespace, chart, version, pageSize }, call);
      found(message.versions.length);
      const show = () => ({
        columns: ["VERSION", "APP VERSION", "CREATED", "DIGEST"],
        rows: message.versions.map((one) => [one.version, one.appVersion, timeText(one.created), one.digest]),
      });
      return print(io, format, { schema: api.ListChartVersionsResponseSchema, message, show });
    }
    const { username = "", password = "", access } = await toChart(io, "any", { ...options, repo: repo || "-" });
    const request = {
      ...{ namespace, repository: repo, source, query: query.join(" "), version, pageSize, username, password },
      ...(access === undefined ? {} : { access }),
      ...{ includeDeprecated: options.deprecated ?? false, refresh: options.refresh ?? false },
    };
    const message = await berth.charts.searchCharts(request, call);
    found(message.charts.length);
    for (const one of message.unsearched) io.stderr.write(`${one.repository} was not searched: ${one.message}\n`);
    const show = () => ({
      columns: ["NAME", "CHART VERSION", "APP VERSION", "DESCRIPTION"],
      rows: message.charts.map(({ name, repository, newest, description }) => {
        return [
          repository === "" ? name : `${repository}/${name}`,
          newest?.version ?? "",
          newest?.appVersion ?? "",
          description,
        ].map((cell) => cut(cell, options.maxColWidth));
      }),
    });
    print(io, format, { schema: api.SearchChartsResponseSchema, message, show });
  });
}

/** A cell of at most so many characters, as Helm cuts it. */
function cut(text: string, width = 0): string {
  return width > 0 && text.length > width ? `${text.slice(0, Math.max(0, width - 3))}...` : text;
}

type Part = (shown: api.ShowChartResponse) => string;

interface ShowOptions extends ChartOptions {
  readonly jsonpath?: string;
}

const PARTS = {
  chart: ["the chart's metadata", ({ metadata }) => stringify(metadata)],
  values: ["the chart's own values", ({ valuesYaml }) => ended(valuesYaml)],
  readme: ["the chart's README", ({ readme }) => ended(readme)],
  files: [
    "the names and sizes of its files",
    ({ files }) => files.map(({ name, size }) => `${size}\t${name}\n`).join(""),
  ],
} as const satisfies Readonly<Record<string, readonly [string, Part]>>;

/** `berth show chart|values|readme|files|crds|all`. */
export function addShow(program: Command, maker: Maker): void {
  const show = program
    .command("show")
    .alias("inspect")
    .summary("show what is in a chart")
    .description("Shows what is in a chart.");
  const part = (name: string, what: string, text: Part, hasDefinitions: boolean) => {
    const command = show
      .command(name)
      .argument("<chart>", "folder or .tgz of this machine, URL, or name of the chart")
      .summary(what)
      .description(`Shows ${what}.`);
    if (name === "values") command.option("--jsonpath <template>", "only what this finds in the values");
    speaks<ShowOptions>(maker, addChartOptions(command), async (session, options, argument = "") => {
      const { berth, namespace, call, io } = session;
      const chart = await toChart(io, argument, options);
      const message = await berth.charts.showChart({ namespace, chart }, call);
      const isText = options.format.type === "table" || options.format.type === "wide";
      const definitions = hasDefinitions && isText ? await readDefinitions(session, chart, message) : "";
      const { jsonpath } = options;
      const shown = () =>
        jsonpath === undefined ? text(message) : formatJsonPath(jsonpath, parse(message.valuesYaml));
      print(io, options.format, {
        schema: api.ShowChartResponseSchema,
        message,
        show: () => `${shown()}${definitions}`,
      });
    });
  };
  for (const [name, [what, text]] of Object.entries(PARTS)) part(name, what, text, false);
  part("crds", "the definitions in its crds folders", () => "", true);
  const { chart, values, readme } = PARTS;
  const all: Part = (shown) => [chart, values, readme].map(([, text]) => text(shown)).join("---\n");
  part("all", "metadata, values, README and definitions", all, true);
}
