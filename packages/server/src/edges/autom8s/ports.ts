import { BerthError } from "@berth/base";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Berth } from "../../berth.ts";
import type { PoolAddress } from "../../domain/exposures/index.ts";
import { bodyText } from "../shared/body.ts";
import { onlyKnown, parseFields, text } from "./parse.ts";
import type { Fields } from "./parse.ts";

/** How long a port is held for whoever has asked for one, in milliseconds. */
const HOLD = 300_000;
const PORT_FIELDS = new Set(["lbip", "namespace"]);
const RULE_FIELDS = new Set([
  ...["serviceName", "servicePort", "loadBalancerIp", "loadBalancerPort", "release", "namespace"],
]);

/** Adds a path of Autom8s; what it throws is answered as its callers know it. */
export type AddPath = (
  method: "GET" | "POST",
  path: string,
  answer: (fields: Fields, request: FastifyRequest) => Promise<object>,
) => void;

/** Fields of the query and of the body, whichever has them. */
export function allFields(request: FastifyRequest): Fields {
  const body = bodyText(request.body);
  return { ...(request.query as Fields), ...(body.trim() === "" ? {} : parseFields(body)) };
}

/** `GET /getPort` and `/getport`, `POST /setrule` and its GET form. */
export function addPorts(add: AddPath, berth: Berth): void {
  for (const path of ["/getPort", "/getport"]) add("GET", path, (fields, request) => getPort(berth, fields, request));
  for (const method of ["GET", "POST"] as const) {
    add(method, "/setrule", (fields, request) => setRule(berth, fields, request));
  }
}

/** Its callers send the fields of a GET as a query or, with curl -X GET -d, as a body. */
export function allowBodiesOfGet(app: FastifyInstance): void {
  app.addHttpMethod("GET", { hasBody: true, overrideExisting: true });
}

async function getPort(berth: Berth, fields: Fields, { berth: context }: FastifyRequest): Promise<object> {
  onlyKnown(fields, PORT_FIELDS);
  const { exposures, principal, defaultCluster: cluster, defaultPool: pool } = berth;
  const namespace = text(fields, "namespace") ?? berth.defaultNamespace;
  const address = text(fields, "lbip");
  const command = { cluster, namespace, pool, address, protocols: ["tcp"], ttlMs: HOLD } as const;
  const held = await exposures.submit.reserve(principal, command, context);
  return { public_ip: held.address, port: held.port, release: held.release };
}

async function setRule(berth: Berth, fields: Fields, { berth: context }: FastifyRequest): Promise<object> {
  onlyKnown(fields, RULE_FIELDS);
  const { exposures, principal, defaultCluster: cluster, defaultPool: pool } = berth;
  const { submit, pools } = exposures;
  const service = text(fields, "serviceName");
  const servicePort = text(fields, "servicePort");
  if (service === undefined) throw missing("serviceName");
  if (servicePort === undefined) throw missing("servicePort");
  const namespace = text(fields, "namespace") ?? berth.defaultNamespace;
  const release = text(fields, "release");
  const port = portOf(fields);
  const { addresses } = await pools.get(principal, { cluster, name: pool });
  // What getPort has answered as the release is that of a controller.
  const meant = text(fields, "loadBalancerIp") ?? addresses.find((one) => isOf(one, release))?.name;
  const settings = { service, servicePort, protocols: ["tcp"], pool, address: meant, port } as const;
  const name = port === undefined ? "" : `${service}-${servicePort}-${String(port)}`.slice(0, 63);
  const target = { cluster, namespace, name };
  const made = await submit.create(principal, { verb: "create", target, settings, dryRun: false }, context);
  if (made.state === "failed" && made.reason.startsWith("SERVICE_")) {
    // They have no call to remove a rule by: what does not work does not stay.
    await submit.delete(principal, { verb: "delete", target: { ...target, name: made.name }, dryRun: false }, context);
    const message = made.message.replace(/: the exposure becomes ready by itself\.$/, ".");
    throw new BerthError("SERVICE_NOT_FOUND", message, { field: "serviceName", hint: "Then set the rule again." });
  }
  const own = addresses.find((one) => one.name === made.slot)?.release;
  return { status: "success", ip: made.address, port: made.port, releaseName: release ?? own ?? "" };
}

function isOf(address: PoolAddress, release: string | undefined): boolean {
  return release !== undefined && address.release === release;
}

function portOf(fields: Fields): number | undefined {
  const given = text(fields, "loadBalancerPort");
  if (given === undefined) return undefined;
  if (/^\d{1,5}$/.test(given)) return Number(given);
  throw new BerthError("INVALID_ARGUMENT", '"loadBalancerPort" is no port.', { field: "loadBalancerPort" });
}

function missing(field: string): BerthError {
  return new BerthError("INVALID_ARGUMENT", `"${field}" is missing.`, {
    field,
    hint: "Name the service and its port.",
  });
}
