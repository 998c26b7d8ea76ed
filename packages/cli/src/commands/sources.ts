import { chartSourceService as api, pages } from "@berth/sdk";
import { create } from "@bufbuild/protobuf";
import type { Command } from "commander";

import { speaks } from "../command.ts";
import type { Maker } from "../command.ts";
import { print } from "../output/print.ts";
import { addSourceWrites, sourceTable } from "./source-writes.ts";

interface Options {
  readonly allNamespaces?: boolean;
  readonly dryRun?: boolean;
}

/** `berth sources list|get|create|update|refresh|delete`. */
export function addSources(program: Command, maker: Maker): void {
  const sources = program
    .command("sources")
    .alias("source")
    .summary("see, make, change and delete chart sources")
    .description("Sees, makes, changes and deletes chart sources: repositories and registries that a namespace names.");
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
      message.totalSize = page.totalSize;
    }
    print(io, options.format, {
      schema: api.ListChartSourcesResponseSchema,
      message,
      show: () => sourceTable(message.chartSources),
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
    print(io, format, { schema: api.ChartSourceSchema, message, show: () => sourceTable([message]) });
  });
  addSourceWrites(maker, sources);
  const refresh = sources
    .command("refresh")
    .argument("<name>", "name of the source")
    .summary("ask a chart source now")
    .description("Asks a chart source now whether it has other charts.");
  speaks<object>(maker, refresh, async ({ io, berth, namespace, call }, { format }, name = "") => {
    const message = await berth.chartSources.refreshChartSource({ namespace, name }, call);
    print(io, format, { schema: api.ChartSourceSchema, message, show: () => sourceTable([message]) });
  });
  const remove = one("delete", "delete").option("--dry-run", "check all that can be checked, change nothing");
  speaks<Options>(maker, remove, async ({ io, berth, namespace, call }, { format, dryRun }, name = "") => {
    const request = { namespace, name, validateOnly: dryRun ?? false };
    const message = await berth.chartSources.deleteChartSource(request, call);
    print(io, format, { schema: api.ChartSourceSchema, message, show: () => `source "${name}" deleted\n` });
  });
}
