import { exposure as exp, exposureService as api } from "@berth/sdk";
import type { Command } from "commander";

import { speaks, targetOf, toNumber } from "../command.ts";
import type { Maker } from "../command.ts";
import { print } from "../output/print.ts";
import { toDuration } from "../output/text.ts";
import { toProtocols, toServicePort } from "../request/expose.ts";
import { exposureTable } from "./exposures.ts";

interface Options {
  readonly port?: string;
  readonly protocol?: string;
  readonly pool?: string;
  readonly address?: string;
  readonly externalPort?: number;
  readonly reservation?: string;
  readonly name?: string;
  readonly release?: string;
  readonly deleteWithRelease?: boolean;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
  readonly ttl?: string;
}

/** Seconds that --wait waits for an exposure to be ready. */
const WAIT = 60;

/** `berth expose service|release|reserve|unreserve`. */
export function addExpose(program: Command, maker: Maker): void {
  const expose = program
    .command("expose")
    .summary("give a service a port of its own on a shared address")
    .description("Gives services ports of their own on shared addresses.");
  addService(maker, expose);
  addRelease(maker, expose);
  addReserve(maker, expose);
  const unreserve = expose
    .command("unreserve")
    .argument("<id>", "id of the reservation")
    .summary("give a reservation back")
    .description("Gives a reservation back.");
  speaks<object>(maker, unreserve, async ({ io, berth, cluster, namespace, call }, _options, id = "") => {
    await berth.exposures.cancelReservation({ cluster, namespace, id }, call);
    io.stdout.write(`reservation "${id}" given back\n`);
  });
}

function addPlace(command: Command): Command {
  return command
    .option("--pool <name>", "pool of addresses (default: the pool named default)")
    .option("--address <address>", "address of the pool, by name, IP address or host name; any where absent")
    .option("--dry-run", "check all that can be checked, change nothing");
}

function addService(maker: Maker, expose: Command): void {
  const command = addPlace(
    expose
      .command("service")
      .alias("svc")
      .argument("<service>", "name of the Service")
      .summary("expose a port of a Service")
      .description("Exposes a port of a Service. Asking again for the same shows what there is.")
      .requiredOption("--port <port>", "port of the Service, by number or name"),
  )
    .option("--protocol <list>", "tcp, udp, or tcp,udp for both on one number", "tcp")
    .option("--external-port <n>", "the port it has to be; any where absent", toNumber)
    .option("--reservation <id>", "take up the port of a reservation")
    .option("--name <name>", "name of the exposure")
    .option("--release <name>", "release that it belongs to")
    .option("--delete-with-release", "delete it once the release is gone")
    .option("--wait", `wait up to ${WAIT} s until it is ready`);
  speaks<Options>(maker, command, async ({ io, berth, cluster, namespace, call }, options, service = "") => {
    const { port = "", pool = "", address = "", externalPort = 0, reservation = "", name = "", release = "" } = options;
    const expose = {
      ...{ service, pool, address, reservation, name, release, port: externalPort },
      ...toServicePort(port),
      protocols: toProtocols(options.protocol),
      deleteWithRelease: options.deleteWithRelease ?? false,
    };
    const waiting = options.wait === true ? { ...call, waitSeconds: WAIT } : call;
    const validateOnly = options.dryRun ?? false;
    const message = await berth.exposures.createExposure({ cluster, namespace, expose, validateOnly }, waiting);
    print(io, options.format, { schema: exp.ExposureSchema, message, show: (wide) => exposureTable([message], wide) });
  });
}

function addRelease(maker: Maker, expose: Command): void {
  const command = addPlace(
    expose
      .command("release")
      .argument("<name>", "name of the release")
      .summary("expose every port of a release's Services")
      .description("Exposes every port of a release's Services. What is exposed already stays as it is.")
      .option("--delete-with-release", "delete them once the release is gone"),
  );
  speaks<Options>(maker, command, async (session, options, name) => {
    const { pool = "", address = "", deleteWithRelease = false, dryRun: validateOnly = false } = options;
    const request = { ...targetOf(session, name), pool, address, deleteWithRelease, validateOnly };
    const message = await session.berth.exposures.exposeRelease(request, session.call);
    const show = (wide: boolean) => exposureTable(message.exposures, wide);
    print(session.io, options.format, { schema: api.ExposeReleaseResponseSchema, message, show });
  });
}

function addReserve(maker: Maker, expose: Command): void {
  const command = expose
    .command("reserve")
    .summary("hold a port before there is a Service")
    .description("Holds a port for you, before there is a Service.")
    .option("--pool <name>", "pool of addresses (default: the pool named default)")
    .option("--address <address>", "address of the pool; any where absent")
    .option("--external-port <n>", "the port it has to be; any where absent", toNumber)
    .option("--protocol <list>", "tcp, udp, or tcp,udp for both on one number", "tcp")
    .option("--ttl <duration>", "how long it is held, at most 24h (default: 5m)");
  speaks<Options>(maker, command, async ({ io, berth, cluster, namespace, call }, options) => {
    const { pool = "", address = "", externalPort: port = 0, ttl } = options;
    const where = { cluster, namespace, pool, address, port, protocols: toProtocols(options.protocol) };
    const request = { ...where, ...(ttl === undefined ? {} : { ttl: toDuration(ttl) }) };
    const message = await berth.exposures.reservePort(request, call);
    const show = () => ({
      columns: ["ID", "POOL", "ADDRESS", "PORT", "ENDPOINT"],
      rows: [[message.id, message.pool, message.slot, String(message.port), message.endpoint]],
    });
    print(io, options.format, { schema: api.ReservationSchema, message, show });
  });
}
