import { exposure as exp, exposureService as api, pages, watchExposures } from "@berth/sdk";
import { create } from "@bufbuild/protobuf";
import type { Command } from "commander";

import { speaks } from "../command.ts";
import type { Maker } from "../command.ts";
import { inClusters, warnOfStale } from "../output/clusters.ts";
import { createChangePrinter, showChanges } from "../output/changes.ts";
import { print } from "../output/print.ts";
import type { Table } from "../output/table.ts";
import { wordOf } from "../output/text.ts";

interface Options {
  readonly allNamespaces?: boolean;
  readonly pool?: string;
  readonly service?: string;
  readonly release?: string;
  readonly watch?: boolean;
  readonly dryRun?: boolean;
}

/** `berth exposures list|get|delete`. */
export function addExposures(program: Command, maker: Maker): void {
  const exposures = program
    .command("exposures")
    .alias("exposure")
    .summary("see and delete what is exposed")
    .description("Sees and deletes what is exposed.");
  addListing(maker, exposures);
  const one = (name: string) => exposures.command(name).argument("<name>", "name of the exposure");
  const get = one("get").summary("show an exposure").description("Shows an exposure, and why it is as it is.");
  speaks<object>(maker, get, async ({ io, berth, cluster, namespace, call }, { format }, name = "") => {
    const message = await berth.exposures.getExposure({ cluster, namespace, name }, call);
    print(io, format, { schema: exp.ExposureSchema, message, show: (wide) => exposureTable([message], wide) });
  });
  const remove = one("delete")
    .summary("delete an exposure")
    .description("Deletes an exposure. Its port is given to nobody for the pool's time of rest.")
    .option("--dry-run", "check all that can be checked, change nothing");
  speaks<Options>(maker, remove, async ({ io, berth, cluster, namespace, call }, { format, dryRun }, name = "") => {
    const request = { cluster, namespace, name, validateOnly: dryRun ?? false };
    const message = await berth.exposures.deleteExposure(request, call);
    print(io, format, { schema: exp.ExposureSchema, message, show: () => `exposure "${name}" deleted\n` });
  });
}

function addListing(maker: Maker, exposures: Command): void {
  const command = exposures
    .command("list")
    .alias("ls")
    .summary("list exposures")
    .description("Lists exposures, sorted by namespace and name.")
    .option("-A, --all-namespaces", "of all namespaces")
    .option("--pool <name>", "of this pool")
    .option("--service <name>", "of this Service")
    .option("--release <name>", "of this release")
    .option("-w, --watch", "show what changes until Ctrl-C");
  speaks<Options>(maker, command, async ({ io, berth, cluster, call, ...session }, options) => {
    const { pool = "", service = "", release = "" } = options;
    const namespace = options.allNamespaces === true ? "" : session.namespace;
    const request = { cluster, namespace, pool, service, release };
    const toTable = inClusters(cluster, exposureTable);
    if (options.watch === true) {
      const changes = watchExposures(berth.connection, request, { signal: io.signal });
      return showChanges(io, changes, createChangePrinter(io, options.format, exp.ExposureSchema, toTable));
    }
    const message = create(api.ListExposuresResponseSchema);
    for await (const page of pages((pageToken) => berth.exposures.listExposures({ ...request, pageToken }, call))) {
      message.exposures.push(...page.exposures);
      message.totalSize = page.totalSize;
      message.staleClusters = page.staleClusters;
    }
    warnOfStale(io, message.staleClusters);
    const show = (wide: boolean) => toTable(message.exposures, wide);
    print(io, options.format, { schema: api.ListExposuresResponseSchema, message, show });
  });
}

/** Exposures for people. */
export function exposureTable(exposures: readonly exp.Exposure[], wide: boolean): Table {
  const columns = ["NAME", "NAMESPACE", "SERVICE", "PORT", "PROTOCOL", "ENDPOINT", "STATE"];
  return {
    columns: [...columns, ...(wide ? ["POOL", "ADDRESS", "RELEASE", "REASON", "MESSAGE"] : [])],
    rows: exposures.map((one) => [
      ...[one.name, one.namespace, one.service, one.servicePortName || String(one.servicePort)],
      one.protocols.map((protocol) => wordOf(exp.Protocol, protocol)).join(","),
      ...[one.endpoint, wordOf(exp.ExposureState, one.state)],
      ...(wide ? [one.pool, one.slot, one.release, one.reason, one.message] : []),
    ]),
  };
}
