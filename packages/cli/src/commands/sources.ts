import { chartSourceService as api, pages } from "@berth/sdk";
import { create } from "@bufbuild/protobuf";
import type { Command } from "commander";

import { speaks } from "../command.ts";
import type { Maker } from "../command.ts";
import { print } from "../output/print.ts";
import type { Table } from "../output/table.ts";
import { timeText, wordOf } from "../output/text.ts";

interface Options {
  readonly allNamespaces?: boolean;
}

/** `berth sources list|get|refresh|delete`. */
export function addSources(program: Command, maker: Maker): void {
  const sources = program
    .command("sources")
    .alias("source")
    .summary("see, refresh and delete chart sources")
    .description("Sees, refreshes and deletes chart sources: repositories and registries that a namespace names.");
  const list = sources
    .command("list")
    .alias("ls")
    .summary("list chart sources")
    .description("Lists chart sources, sorted by namespace and name.")
    .option("-A, --all-namespaces", "of all namespaces");
  speaks<Options>(maker, list, async ({ io, berth, call, ...session }, options) => {
    const namespace = options.allNamespaces === true ? "" : session.namespace;
    const message = create(api.ListChartSourcesResponseSchema);
    for await (const page of pages((pageToken) =>
      berth.chartSources.listChartSources({ namespace, pageToken }, call),
    )) {
      message.chartSources.push(...page.chartSources);
    }
    print(io, options.format, {
      schema: api.ListChartSourcesResponseSchema,
      message,
      show: () => table(message.chartSources),
    });
  });
  const one = (name: string, what: string) =>
    sources
      .command(name)
      .argument("<name>", "name of the source")
      .summary(`${what} a chart source`)
      .description(`${what[0]?.toUpperCase() ?? ""}${what.slice(1)}s a chart source.`);
  speaks<object>(maker, one("get", "show"), async ({ io, berth, namespace, call }, { format }, name = "") => {
    const message = await berth.chartSources.getChartSource({ namespace, name }, call);
    print(io, format, { schema: api.ChartSourceSchema, message, show: () => table([message]) });
  });
  speaks<object>(maker, one("refresh", "refresh"), async ({ io, berth, namespace, call }, { format }, name = "") => {
    const message = await berth.chartSources.refreshChartSource({ namespace, name }, call);
    print(io, format, { schema: api.ChartSourceSchema, message, show: () => table([message]) });
  });
  speaks<object>(maker, one("delete", "delete"), async ({ io, berth, namespace, call }, { format }, name = "") => {
    const message = await berth.chartSources.deleteChartSource({ namespace, name }, call);
    print(io, format, { schema: api.ChartSourceSchema, message, show: () => `source "${name}" deleted\n` });
  });
}

function table(sources: readonly api.ChartSource[]): Table {
  return {
    columns: ["NAME", "NAMESPACE", "URL", "STATE", "REFRESHED", "MESSAGE"],
    rows: sources.map(({ name, namespace, url, status }) => [
      ...[name, namespace, url, wordOf(api.ChartSourceState, status?.state ?? 0)],
      ...[timeText(status?.lastRefreshTime), status?.message ?? ""],
    ]),
  };
}
