import { pages, release as rel, releaseService as api, watchReleases } from "@berth/sdk";
import { create } from "@bufbuild/protobuf";
import { Option } from "commander";
import type { Command } from "commander";

import { speaks, toNumber } from "../command.ts";
import type { Maker } from "../command.ts";
import { CliError } from "../errors.ts";
import { inClusters, warnOfStale } from "../output/clusters.ts";
import { createChangePrinter, showChanges } from "../output/changes.ts";
import type { Table } from "../output/table.ts";
import { print, printJson } from "../output/print.ts";
import { chartText, timeText } from "../output/text.ts";
import type { Session } from "../session.ts";
import { collect } from "../request/values.ts";

/** Helm's words, by the option of `helm list` that means them. */
const STATUSES = {
  deployed: ["deployed"],
  failed: ["failed"],
  pending: ["pending-install", "pending-upgrade", "pending-rollback"],
  superseded: ["superseded"],
  uninstalled: ["uninstalled"],
  uninstalling: ["uninstalling"],
} as const;

interface Options extends Readonly<Partial<Record<keyof typeof STATUSES, boolean>>> {
  readonly allNamespaces?: boolean;
  readonly filter?: string;
  readonly selector?: string;
  readonly status?: readonly string[];
  readonly chart?: string;
  readonly chartVersion?: string;
  readonly allRevisions?: boolean;
  readonly orderBy?: string;
  readonly max?: number;
  readonly offset?: number;
  readonly date?: boolean;
  readonly reverse?: boolean;
  readonly short?: boolean;
  /** False with --no-headers. */
  readonly headers?: boolean;
  readonly stuck?: boolean;
  readonly outdated?: boolean;
  readonly watch?: boolean;
}

/** `berth list`. */
export function addList(program: Command, maker: Maker): void {
  const command = program
    .command("list")
    .alias("ls")
    .summary("list releases")
    .description("Lists the newest revision of each release, sorted by namespace and name.")
    .option("-A, --all-namespaces", "of all namespaces")
    .option("-f, --filter <expression>", "whose name matches a regular expression")
    .option("-l, --selector <labels>", "labels on the release, such as team=payments")
    .option("--status <word>", "Helm's word, such as failed; may be given more than once", collect);
  for (const status of Object.keys(STATUSES)) command.option(`--${status}`, `those that are ${status}`);
  command
    .addOption(new Option("-a, --all", "Helm 3's way to say what is meant anyway").hideHelp())
    .option("--chart <name>", "of this chart")
    .option("--chart-version <range>", "whose chart's version is in a range, such as '<1.4.0'")
    .option("--all-revisions", "every stored revision, superseded ones too")
    .option(
      "--order-by <column>",
      "name, status, revision, chart, app_version, updated or cluster; 'updated desc' turns round",
    )
    .option("-d, --date", "sorted by the time of their last revision")
    .option("-r, --reverse", "in reverse order")
    .option("-m, --max <n>", "at most so many", toNumber)
    .option("--offset <n>", "without the first so many", toNumber)
    .option("-q, --short", "names alone")
    .option("--no-headers", "no titles above the table")
    .option("--stuck", "those on which nobody works any more")
    .option("--outdated", "those whose source has a newer version of their chart")
    .option("-w, --watch", "show them, then what changes, until Ctrl-C");
  speaks<Options>(maker, command, run);
}

async function run(session: Session, options: Options & { format: Parameters<typeof print>[1] }): Promise<void> {
  const { io, berth } = session;
  const { format } = options;
  const [toTable, toNewer] = [inClusters(session.cluster, table), inClusters(session.cluster, newer)];
  if (options.outdated === true) {
    const message = await outdated(session, options);
    return print(io, format, {
      schema: api.ListOutdatedReleasesResponseSchema,
      message,
      show: () => toNewer(message.releases, false),
    });
  }
  if (options.watch === true) {
    const { request, isMeant } = toRequest(session, options);
    const changes = watchReleases(berth.connection, request, { signal: io.signal });
    return showChanges(io, changes, createChangePrinter(io, format, rel.ReleaseSchema, toTable), isMeant);
  }
  const message = await releases(session, options);
  if (options.short === true) {
    const names = message.releases.map(({ name }) => name);
    if (format.type === "table" || format.type === "wide")
      return io.stdout.write(names.map((one) => `${one}\n`).join(""));
    return printJson(io, format, names);
  }
  const show = (wide: boolean) => withHeaders(toTable(message.releases, wide), options);
  print(io, format, { schema: api.ListReleasesResponseSchema, message, show });
}

/** What is asked of Berth, and what of its answer is meant: an expression is looked for here. */
function toRequest(session: Session, options: Options) {
  const { filter = "" } = options;
  const words = Object.entries(STATUSES).filter(([name]) => options[name as keyof typeof STATUSES] === true);
  const isText = /^[a-z0-9-]*$/.test(filter);
  const expression = filter === "" ? undefined : toExpression(filter);
  const request = {
    cluster: session.cluster,
    namespace: options.allNamespaces === true ? "" : session.namespace,
    // Berth looks for a text in names of releases and charts.
    filter: isText ? filter : "",
    labelSelector: options.selector ?? "",
    status: [...(options.status ?? []), ...words.flatMap(([, statuses]) => statuses)],
    chart: options.chart ?? "",
    chartVersion: options.chartVersion ?? "",
  };
  return { request, isMeant: ({ name }: rel.Release) => expression?.test(name) ?? true };
}

async function releases(session: Session, options: Options): Promise<api.ListReleasesResponse> {
  const { berth, call } = session;
  const { max, offset = 0, filter = "", stuck = false, allRevisions = false } = options;
  const { request, isMeant } = toRequest(session, options);
  const isWhole = max === undefined || filter !== "" || options.reverse === true;
  const query = {
    ...{ ...request, stuck, allRevisions, orderBy: options.orderBy ?? (options.date === true ? "updated" : "") },
    pageSize: isWhole ? 500 : Math.max(1, Math.min(max + offset, 500)),
  };
  const all = create(api.ListReleasesResponseSchema);
  for await (const page of pages((pageToken) => berth.releases.listReleases({ ...query, pageToken }, call))) {
    all.releases.push(...page.releases.filter(isMeant));
    all.totalSize = page.totalSize;
    all.staleClusters = page.staleClusters;
    if (!isWhole && all.releases.length >= max + offset) break;
  }
  if (filter !== "") all.totalSize = all.releases.length;
  if (options.reverse === true) all.releases.reverse();
  all.releases = all.releases.slice(offset, max === undefined ? undefined : offset + max);
  warnOfStale(session.io, all.staleClusters);
  return all;
}

function toExpression(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new CliError(`"${text}" is no regular expression.`, "Such as --filter '^web-'.");
  }
}

async function outdated(session: Session, options: Options): Promise<api.ListOutdatedReleasesResponse> {
  const { berth, cluster, call } = session;
  const request = {
    cluster,
    namespace: options.allNamespaces === true ? "" : session.namespace,
    labelSelector: options.selector ?? "",
  };
  const all = create(api.ListOutdatedReleasesResponseSchema);
  for await (const page of pages((pageToken) => berth.releases.listOutdatedReleases({ ...request, pageToken }, call))) {
    all.releases.push(...page.releases);
    all.staleClusters = page.staleClusters;
  }
  warnOfStale(session.io, all.staleClusters);
  return all;
}

function withHeaders({ columns, rows }: Table, { headers }: Options): Table {
  return { columns: headers === false ? [] : columns, rows };
}

function table(found: readonly rel.Release[], wide: boolean): Table {
  const columns = ["NAME", "NAMESPACE", "REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION"];
  const more = wide ? ["OPERATION", "STUCK", "DESCRIPTION"] : [];
  return { columns: [...columns, ...more], rows: found.map((one) => row(one, wide)) };
}

function row(one: rel.Release, wide: boolean): string[] {
  const { name, namespace, revision, lastDeployed, status, chart } = one;
  const cells = [name, namespace, String(revision), timeText(lastDeployed), status];
  const more = wide ? [one.operationId, timeText(one.stuck?.since), one.description] : [];
  return [...cells, chartText(chart), chart?.appVersion ?? "", ...more];
}

function newer(found: readonly api.OutdatedRelease[]): Table {
  return {
    columns: ["NAME", "NAMESPACE", "CHART", "NEWEST", "SOURCE", "PROBLEM"],
    rows: found.map(({ name, namespace, chart, newest, source, code }) => [
      name,
      namespace,
      chartText(chart),
      newest,
      source,
      code,
    ]),
  };
}
