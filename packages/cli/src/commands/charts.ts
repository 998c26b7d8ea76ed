import { chartService as api } from "@berth/sdk";
import type { Command } from "commander";
import { stringify } from "yaml";

import { speaks, toNumber } from "../command.ts";
import type { Maker } from "../command.ts";
import { print } from "../output/print.ts";
import { timeText } from "../output/text.ts";
import { addChartOptions, toChart } from "../request/chart.ts";
import type { ChartOptions } from "../request/chart.ts";
import { ended } from "./get.ts";

interface SearchOptions extends ChartOptions {
  readonly versions?: string | boolean;
  readonly deprecated?: boolean;
  readonly max?: number;
}

const DEFAULT_MAX = 100;

/** `berth search`. */
export function addSearch(program: Command, maker: Maker): void {
  const command = program
    .command("search")
    .argument("[words...]", "words that name, description or keywords have; with --versions the chart's name")
    .summary("find charts and their versions")
    .description("Finds charts in one repository (--repo, --source), or in all that have a name.")
    .option("--versions", "list the versions of the chart that is named")
    .option("--deprecated", "those that are deprecated, too")
    .option("-m, --max <n>", "at most so many", toNumber, DEFAULT_MAX);
  speaks<SearchOptions>(maker, addChartOptions(command), async (session, options, ...words) => {
    const { berth, namespace, call, io } = session;
    const { format, version = "", max: pageSize = DEFAULT_MAX, repo = "", source = "" } = options;
    // Helm's fingers say `search repo WORD`.
    const query = words[0] === "repo" ? words.slice(1) : words;
    if (options.versions === true) {
      const chart = { ...(await toChart(io, query.join(" "), options)), version: "" };
      const message = await berth.charts.listChartVersions({ namespace, chart, version, pageSize }, call);
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
    for (const one of message.unsearched) io.stderr.write(`${one.repository} was not searched: ${one.message}\n`);
    const show = () => ({
      columns: ["NAME", "CHART VERSION", "APP VERSION", "DESCRIPTION"],
      rows: message.charts.map(({ name, repository, newest, description }) => {
        return [
          repository === "" ? name : `${repository}/${name}`,
          newest?.version ?? "",
          newest?.appVersion ?? "",
          description,
        ];
      }),
    });
    print(io, format, { schema: api.SearchChartsResponseSchema, message, show });
  });
}

type Part = (shown: api.ShowChartResponse) => string;

const PARTS = {
  chart: ["the chart's metadata", ({ metadata }) => stringify(metadata)],
  values: ["the chart's own values", ({ valuesYaml }) => ended(valuesYaml)],
  readme: ["the chart's README", ({ readme }) => ended(readme)],
  crds: ["the names of the definitions in its crds folders", ({ crds }) => crds.map((name) => `${name}\n`).join("")],
  files: [
    "the names and sizes of its files",
    ({ files }) => files.map(({ name, size }) => `${size}\t${name}\n`).join(""),
  ],
} as const satisfies Readonly<Record<string, readonly [string, Part]>>;

/** `berth show chart|values|readme|crds|files|all`. */
export function addShow(program: Command, maker: Maker): void {
  const show = program
    .command("show")
    .alias("inspect")
    .summary("show what is in a chart")
    .description("Shows what is in a chart.");
  const part = (name: string, what: string, text: Part) => {
    const command = show
      .command(name)
      .argument("<chart>", "folder or .tgz of this machine, URL, or name of the chart")
      .summary(what)
      .description(`Shows ${what}.`);
    speaks<ChartOptions>(maker, addChartOptions(command), async (session, options, chart = "") => {
      const { berth, namespace, call, io } = session;
      const message = await berth.charts.showChart({ namespace, chart: await toChart(io, chart, options) }, call);
      print(io, options.format, { schema: api.ShowChartResponseSchema, message, show: () => text(message) });
    });
  };
  for (const [name, [what, text]] of Object.entries(PARTS)) part(name, what, text);
  const { chart, values, readme } = PARTS;
  part("all", "metadata, values and README", (shown) =>
    [chart, values, readme].map(([, text]) => text(shown)).join("---\n"),
  );
}
