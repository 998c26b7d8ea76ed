import { poolService, watchPools } from "@berth/sdk";
import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";

import { speaks, toNumber } from "../command.ts";
import type { Maker } from "../command.ts";
import { inClusters, warnOfStale } from "../output/clusters.ts";
import { createChangePrinter, showChanges } from "../output/changes.ts";
import { print } from "../output/print.ts";
import { formatTable } from "../output/table.ts";
import type { Table } from "../output/table.ts";
import { toDuration, wordOf } from "../output/text.ts";
import { toLabels } from "../request/options.ts";
import { collect } from "../request/values.ts";

interface Options {
  readonly watch?: boolean;
  readonly dryRun?: boolean;
}

interface CreateOptions extends Options {
  readonly driver: keyof typeof DRIVERS;
  readonly ports: { readonly from: number; readonly to: number };
  readonly reserved?: number;
  readonly rest?: string;
  readonly simulated?: boolean;
  readonly allowAll?: boolean;
  readonly allow?: readonly string[];
  readonly allowSelector?: readonly string[];
}

const DRIVERS = {
  gateway: poolService.Driver.GATEWAY,
  configmap: poolService.Driver.CONFIGMAP,
  nodeport: poolService.Driver.NODEPORT,
} as const;

/** `berth pools list|get|create|delete`. */
export function addPools(program: Command, maker: Maker): void {
  const pools = program
    .command("pools")
    .alias("pool")
    .summary("see, make and delete pools of addresses")
    .description("Sees, makes and deletes the pools of addresses that services are exposed on.");
  const list = pools
    .command("list")
    .alias("ls")
    .summary("list pools")
    .description("Lists the pools of the cluster.")
    .option("-w, --watch", "show what changes until Ctrl-C");
  speaks<Options>(maker, list, async ({ io, berth, cluster, call }, { format, watch }) => {
    const toTable = inClusters(cluster, poolTable);
    if (watch === true) {
      const changes = watchPools(berth.connection, { cluster }, { signal: io.signal });
      return showChanges(io, changes, createChangePrinter(io, format, poolService.PoolSchema, toTable));
    }
    const message = await berth.pools.listPools({ cluster }, call);
    warnOfStale(io, message.staleClusters);
    const show = () => toTable(message.pools, false);
    print(io, format, { schema: poolService.ListPoolsResponseSchema, message, show });
  });
  const get = pools
    .command("get")
    .argument("<name>", "name of the pool")
    .summary("show a pool with its addresses")
    .description("Shows a pool with its addresses, and how full they are.");
  speaks<object>(maker, get, async ({ io, berth, cluster, call }, { format }, name = "") => {
    const message = await berth.pools.getPool({ cluster, name }, call);
    const show = () => `${formatTable(poolTable([message]))}\n${formatTable(addressTable(message.addresses))}`;
    print(io, format, { schema: poolService.PoolSchema, message, show });
  });
  addCreate(maker, pools);
  const remove = pools
    .command("delete")
    .argument("<name>", "name of the pool")
    .summary("delete a pool")
    .description("Deletes a pool. Whoever has a port of it keeps it until his exposure goes.")
    .option("--dry-run", "check all that can be checked, change nothing");
  speaks<Options>(maker, remove, async ({ io, berth, cluster, call }, { format, dryRun }, name = "") => {
    const message = await berth.pools.deletePool({ cluster, name, validateOnly: dryRun ?? false }, call);
    print(io, format, { schema: poolService.PoolSchema, message, show: () => `pool "${name}" deleted\n` });
  });
}

function addCreate(maker: Maker, pools: Command): void {
  const command = pools
    .command("create")
    .argument("<name>", "name of the pool")
    .summary("make a pool")
    .description("Makes a pool of addresses. Give it addresses with berth addresses create.")
    .addOption(
      new Option("--driver <driver>", "what carries its ports").choices(Object.keys(DRIVERS)).makeOptionMandatory(),
    )
    .requiredOption("--ports <from-to>", "its range of ports, such as 20000-30000", toRange)
    .option("--reserved <n>", "ports at the low end that are given last (default: a sixteenth)", toNumber)
    .option("--rest <duration>", "how long a freed port is given to nobody (default: 60s)")
    .option("--simulated", "nothing answers there: a port is ready once it is stored")
    .option("--allow-all", "every namespace may use it")
    .option("--allow <namespace>", "this namespace may use it; may be given more than once", collect)
    .option("--allow-selector <labels>", "namespaces with these labels may use it, such as team=iot", collect)
    .option("--dry-run", "check all that can be checked, change nothing");
  speaks<CreateOptions>(maker, command, async ({ io, berth, cluster, call }, options, name = "") => {
    const { rest, reserved } = options;
    const request = {
      ...{ cluster, name, driver: DRIVERS[options.driver], ports: options.ports },
      ...(reserved === undefined ? {} : { reserved }),
      ...(rest === undefined ? {} : { restSeconds: Number(toDuration(rest).seconds) }),
      simulated: options.simulated ?? false,
      allNamespaces: options.allowAll ?? false,
      namespaces: [...(options.allow ?? [])],
      namespaceLabels: toLabels(options.allowSelector),
      validateOnly: options.dryRun ?? false,
    };
    const message = await berth.pools.createPool(request, call);
    print(io, options.format, { schema: poolService.PoolSchema, message, show: () => poolTable([message]) });
  });
}

function toRange(text: string): { from: number; to: number } {
  const [, from, to] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  if (from === undefined || to === undefined) throw new InvalidArgumentError("It is no range such as 20000-30000.");
  return { from: Number(from), to: Number(to) };
}

function poolTable(pools: readonly poolService.Pool[]): Table {
  return {
    columns: ["NAME", "DRIVER", "PORTS", "ADDRESSES", "USED", "READY", "REASON"],
    rows: pools.map(({ name, driver, ports, addresses, ready, reason }) => [
      ...[name, wordOf(poolService.Driver, driver), `${ports?.from ?? 0}-${ports?.to ?? 0}`, String(addresses.length)],
      String(addresses.reduce((sum, { use }) => sum + (use?.exposed ?? 0) + (use?.reserved ?? 0), 0)),
      ...[String(ready), reason],
    ]),
  };
}

/** Addresses for people, and how full they are. */
export function addressTable(addresses: readonly poolService.PoolAddress[]): Table {
  return {
    columns: ["ADDRESS", "AT", "EXPOSED", "RESERVED", "RESTING", "STRANGE", "READY", "REASON"],
    rows: addresses.map(({ name, address, use, ready, reason }) => [
      ...[name, address],
      ...[use?.exposed, use?.reserved, use?.resting, use?.strange].map((count) => String(count ?? 0)),
      ...[String(ready), reason],
    ]),
  };
}
