import { poolService as api } from "@berth/sdk";
import type { Command } from "commander";

import { speaks, toNumber } from "../command.ts";
import type { Maker } from "../command.ts";
import { CliError } from "../errors.ts";
import { print } from "../output/print.ts";
import { addressTable } from "./pools.ts";

interface Options {
  readonly pool: string;
  readonly address?: string;
  readonly capacity?: number;
  readonly tcpServicesConfigmap?: string;
  readonly udpServicesConfigmap?: string;
  readonly controllerService?: string;
  readonly gateway?: string;
  readonly nodeport?: boolean;
  readonly dryRun?: boolean;
}

/** `berth addresses list|create|delete`. */
export function addAddresses(program: Command, maker: Maker): void {
  const addresses = program
    .command("addresses")
    .alias("address")
    .summary("see, make and delete addresses of pools")
    .description("Sees, makes and deletes addresses of pools: the places that carry ports.");
  const part = (name: string, what: string) =>
    addresses
      .command(name)
      .summary(what)
      .description(`${what[0]?.toUpperCase() ?? ""}${what.slice(1)}.`)
      .requiredOption("--pool <name>", "pool that it belongs to");
  const list = part("list", "list the addresses of a pool, and how full they are").alias("ls");
  speaks<Options>(maker, list, async ({ io, berth, cluster, call }, { format, pool: name }) => {
    const message = await berth.pools.getPool({ cluster, name }, call);
    print(io, format, { schema: api.PoolSchema, message, show: () => addressTable(message.addresses) });
  });
  addCreate(maker, part("create", "make an address of a pool"));
  const remove = part("delete", "delete an address on which nobody has a port")
    .argument("<name>", "name of the address")
    .option("--dry-run", "check all that can be checked, change nothing");
  speaks<Options>(maker, remove, async ({ io, berth, cluster, call }, { format, pool, dryRun }, name = "") => {
    const message = await berth.pools.deleteAddress({ cluster, pool, name, validateOnly: dryRun ?? false }, call);
    print(io, format, { schema: api.PoolSchema, message, show: () => `address "${name}" deleted\n` });
  });
}

function addCreate(maker: Maker, created: Command): void {
  const command = created
    .argument("<name>", "name of the address; it stands in its claims, and never means another place")
    .option("--address <address>", "IP address or host name; what the data plane says where absent")
    .option("--capacity <n>", "ports that it carries at most (default: as its driver says)", toNumber)
    .option(
      "--tcp-services-configmap <namespace/name>",
      "of an ingress controller, as its own option of this name says",
    )
    .option("--udp-services-configmap <namespace/name>", "likewise for UDP; none where absent")
    .option("--controller-service <name>", "Service of the controller, which gets each port")
    .option("--gateway <namespace/name>", "a Gateway")
    .option("--nodeport", "the cluster's nodes")
    .option("--dry-run", "check all that can be checked, change nothing");
  speaks<Options>(maker, command, async ({ io, berth, cluster, call }, options, name = "") => {
    const { pool, address = "", capacity = 0, nodeport = false, dryRun: validateOnly = false } = options;
    const request = { cluster, pool, name, address, capacity, nodeport, validateOnly, ...toPlace(options) };
    const message = await berth.pools.createAddress(request, call);
    print(io, options.format, { schema: api.PoolAddressSchema, message, show: () => addressTable([message]) });
  });
}

function toPlace({ tcpServicesConfigmap: tcp, udpServicesConfigmap: udp, controllerService, gateway }: Options) {
  if (gateway !== undefined) return { gateway: split(gateway) };
  if (tcp === undefined) {
    if (udp === undefined && controllerService === undefined) return {};
    throw new CliError("There is no --tcp-services-configmap.", "Name the ConfigMap of TCP; it is made where missing.");
  }
  const place = split(tcp);
  const other = udp === undefined ? undefined : split(udp);
  if (other !== undefined && other.namespace !== place.namespace) {
    throw new CliError("The ConfigMaps of TCP and UDP are in two namespaces.", "Berth knows controllers with one.");
  }
  const { namespace, name } = place;
  return { configmap: { namespace, tcp: name, udp: other?.name ?? "", service: controllerService ?? "" } };
}

function split(text: string): { namespace: string; name: string } {
  const [, namespace, name] = /^([^/]+)\/([^/]+)$/.exec(text) ?? [];
  if (namespace === undefined || name === undefined) throw new CliError(`"${text}" is no NAMESPACE/NAME.`);
  return { namespace, name };
}
