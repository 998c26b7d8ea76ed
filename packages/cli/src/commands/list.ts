import { pages, releaseService as api } from "@berth/sdk";
import type { release } from "@berth/sdk";
import { create } from "@bufbuild/protobuf";
import type { Command } from "commander";

import { speaks, toNumber } from "../command.ts";
import type { Maker } from "../command.ts";
import { formatTable } from "../output/table.ts";
import type { Table } from "../output/table.ts";
import { print } from "../output/print.ts";
import { chartText, timeText } from "../output/text.ts";
import type { Session } from "../session.ts";
import { collect } from "../request/values.ts";

interface Options {
  readonly allNamespaces?: boolean;
  readonly filter?: string;
  readonly selector?: string;
  readonly status?: readonly string[];
  readonly max?: number;
  readonly short?: boolean;
  readonly stuck?: boolean;
  readonly outdated?: boolean;
  readonly watch?: boolean;
}

/** Milliseconds between two looks of --watch: lists are answered from memory. */
const LOOK = 1_000;

/** `berth list`. */
export function addList(program: Command, maker: Maker): void {
  const command = program
    .command("list")
    .alias("ls")
    .summary("list releases")
    .description("Lists the newest revision of each release, sorted by namespace and name.")
    .option("-A, --all-namespaces", "of all namespaces")
    .option("-f, --filter <text>", "part of the release's or chart's name")
    .option("-l, --selector <labels>", "labels on the release, such as team=payments")
    .option("--status <word>", "Helm's word, such as failed; may be given more than once", collect)
    .option("-m, --max <n>", "at most so many", toNumber)
    .option("-q, --short", "names alone")
    .option("--stuck", "those on which nobody works any more")
    .option("--outdated", "those whose source has a newer version of their chart")
    .option("-w, --watch", "show what changes until Ctrl-C");
  speaks<Options>(maker, command, async (session, options) => {
    const { io } = session;
    const { format } = options;
    if (options.outdated === true) {
      const message = await outdated(session, options);
      return print(io, format, { schema: api.ListOutdatedReleasesResponseSchema, message, show: () => newer(message) });
    }
    const message = await releases(session, options);
    if (options.short === true) io.stdout.write(message.releases.map(({ name }) => `${name}\n`).join(""));
    else print(io, format, { schema: api.ListReleasesResponseSchema, message, show: (wide) => table(message, wide) });
    if (options.watch === true) await watch(session, options, message.releases);
  });
}

async function releases(session: Session, options: Options): Promise<api.ListReleasesResponse> {
  const { berth, cluster, call } = session;
  const { max = Infinity } = options;
  const request = {
    cluster,
    namespace: options.allNamespaces === true ? "" : session.namespace,
    filter: options.filter ?? "",
    labelSelector: options.selector ?? "",
    status: [...(options.status ?? [])],
    stuck: options.stuck ?? false,
    pageSize: Math.max(1, Math.min(max, 500)),
  };
  const all = create(api.ListReleasesResponseSchema);
  for await (const page of pages((pageToken) => berth.releases.listReleases({ ...request, pageToken }, call))) {
    all.releases.push(...page.releases.slice(0, max - all.releases.length));
    all.totalSize = page.totalSize;
    if (all.releases.length >= max) break;
  }
  return all;
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
  }
  return all;
}

async function watch(session: Session, options: Options, before: readonly release.Release[]): Promise<void> {
  const { io, berth } = session;
  const key = (one: release.Release) => `${one.namespace}/${one.name}`;
  let known = new Map(before.map((one) => [key(one), one]));
  while (!io.signal.aborted) {
    await berth.connection.clock.sleep(LOOK, io.signal).catch(() => undefined);
    if (io.signal.aborted) return;
    const { releases: now } = await releases(session, options);
    const changed = now.filter((one) => {
      const old = known.get(key(one));
      return old?.revision !== one.revision || old.status !== one.status;
    });
    const names = new Set(now.map(key));
    const gone = [...known.values()].filter((one) => !names.has(key(one)));
    const rows = [
      ...changed.map((one) => row(one, false)),
      ...gone.map((one) => row({ ...one, status: "gone" }, false)),
    ];
    if (rows.length > 0) io.stdout.write(formatTable({ columns: [], rows }).trimStart());
    known = new Map(now.map((one) => [key(one), one]));
  }
}

function table({ releases: found }: api.ListReleasesResponse, wide: boolean): Table {
  const columns = ["NAME", "NAMESPACE", "REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION"];
  const more = wide ? ["OPERATION", "STUCK", "DESCRIPTION"] : [];
  return { columns: [...columns, ...more], rows: found.map((one) => row(one, wide)) };
}

function row(one: release.Release, wide: boolean): string[] {
  const { name, namespace, revision, lastDeployed, status, chart } = one;
  const cells = [name, namespace, String(revision), timeText(lastDeployed), status];
  const more = wide ? [one.operationId, timeText(one.stuck?.since), one.description] : [];
  return [...cells, chartText(chart), chart?.appVersion ?? "", ...more];
}

function newer({ releases: found }: api.ListOutdatedReleasesResponse): Table {
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
