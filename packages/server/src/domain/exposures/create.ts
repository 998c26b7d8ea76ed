import { createHash } from "node:crypto";

import { BerthError, describeCode, isErrorCode } from "@berth/base";
import { createObject, deleteObject, getObject, isConflict, until } from "@berth/kube";

import type { Principal } from "../access/index.ts";
import { findPort, isCalled } from "./claims/find.ts";
import { checkPool, checkReady } from "./claims/secure.ts";
import type { SecureParts } from "./claims/secure.ts";
import { explain, unknown } from "./objects.ts";
import { API_VERSION, ASKED, FINALIZER, claimName, exposureReference, exposures, readyOf } from "./resource.ts";
import type { ExposureObject, ExposureSpec } from "./resource.ts";
import type { CreateExposure, ExposureSettings } from "./types.ts";

/** How long a verdict is waited for where the caller does not say, in milliseconds. */
const WAIT = 10_000;
/** How long a write waits until the cache has it, in milliseconds. */
const FRESHNESS_WAIT = 2_000;
/** What a caller is told as a refusal, and keeps nothing of: there is no port for it. */
const FINAL = new Set([
  ...["POOL_NOT_FOUND", "POOL_REFUSED", "POOL_EXHAUSTED", "PORT_TAKEN", "PORT_OUT_OF_RANGE"],
  ...["ADDRESS_NOT_FOUND", "DRIVER_UNAVAILABLE", "RESERVATION_NOT_FOUND"],
]);

/** What creating is made of. */
export interface CreateParts extends SecureParts {
  /** What this process calls itself. */
  readonly replica: string;
  /** Has the controller look at an exposure now. */
  readonly hasten: (key: string) => void;
}

/**
 * Makes an exposure and waits for what the controller makes of it. Where there is
 * no port for it, it is taken back and refused; what it else waits for stands in
 * its status. Asking again for the same gives what there is.
 */
export async function createExposure(
  parts: CreateParts,
  principal: Principal,
  command: CreateExposure,
): Promise<ExposureObject> {
  const { client } = parts;
  const { target, dryRun } = command;
  const { namespace } = target;
  const settings = withReservation(parts, principal, command.settings);
  const name = target.name === "" ? nameOf(settings) : target.name;
  checkThatThereIsRoom(parts, namespace, settings);
  const body = {
    ...{ apiVersion: API_VERSION, kind: "Exposure" },
    metadata: { namespace, name, finalizers: [FINALIZER], annotations: { [ASKED]: parts.replica } },
    spec: toSpec(settings),
  };
  const options = { dryRun };
  const made = await createObject<ExposureObject>(client, { resource: exposures, namespace }, body, options).catch(
    (error: unknown) => {
      if (isConflict(error)) return undefined;
      throw explain(error, "EXPOSURE", name, namespace);
    },
  );
  if (dryRun && made !== undefined) return made;
  const stored = made ?? (await sameAsAsked(parts, namespace, name, settings));
  return settled(parts, stored, command.waitMs ?? WAIT, made !== undefined);
}

/** Name of an exposure that nobody named: the service's and its port. Pure. */
function nameOf({ service, servicePort }: ExposureSettings): string {
  const name = `${service}-${servicePort}`.toLowerCase();
  if (name.length <= 63) return name;
  return `${name.slice(0, 52)}-${createHash("sha256").update(name).digest("hex").slice(0, 10)}`;
}

/** Says at once what can be said without a write; the controller says it again. */
export function checkThatThereIsRoom(parts: SecureParts, namespace: string, settings: ExposureSettings): void {
  const { cache } = parts;
  checkReady(parts);
  const pool = cache.pools.get(settings.pool);
  if (pool === undefined) throw unknown("POOL", settings.pool);
  checkPool(parts, pool, namespace);
  const { protocols, address, port, reservation } = settings;
  if (reservation !== undefined) {
    if (cache.claims.byIndex("reservation", reservation).length > 0) return;
    throw new BerthError("RESERVATION_NOT_FOUND", "There is no such reservation any more.", { field: "reservation" });
  }
  // Whether a port that is asked for can be had, its claim decides: a stranger's may be the very same thing.
  if (port === undefined) findPort(parts, pool, { protocols, address });
}

/** A port that the same principal has reserved is taken up. */
function withReservation({ cache }: SecureParts, { name }: Principal, settings: ExposureSettings): ExposureSettings {
  const { port, pool, protocols, address, reservation } = settings;
  if (port === undefined || reservation !== undefined) return settings;
  const slots = cache.usable(pool).filter((one) => address === undefined || isCalled(one, address));
  const held = slots.flatMap(({ metadata }) =>
    protocols.flatMap((protocol) => cache.claims.get(claimName(metadata.name, protocol, port)) ?? []),
  );
  const own = held.find(({ spec }) => spec.reservation?.by === name);
  return own === undefined ? settings : { ...settings, reservation: own.spec.reservation?.id };
}

async function sameAsAsked(
  { client }: SecureParts,
  namespace: string,
  name: string,
  settings: ExposureSettings,
): Promise<ExposureObject> {
  const stored = await getObject<ExposureObject>(client, { resource: exposures, namespace, name });
  const [known, wanted] = [stored?.spec, toSpec(settings)].map((spec) => comparable(spec));
  if (stored !== undefined && stored.metadata.deletionTimestamp === undefined && known === wanted) return stored;
  const what = stored?.metadata.deletionTimestamp === undefined ? "asks for something else" : "is being deleted";
  throw new BerthError("EXPOSURE_EXISTS", `There is an exposure "${name}" already, which ${what}.`, { field: "name" });
}

function comparable(spec: ExposureSpec | undefined): string {
  if (spec === undefined) return "";
  const { service, protocols = ["TCP"], pool = "default", address = "", port = 0, release } = spec;
  return JSON.stringify([
    service.name,
    String(service.port),
    [...protocols].sort(),
    pool,
    address,
    port,
    release?.name ?? "",
  ]);
}

/** What has come of an exposure by the end of the time to wait. Throws where there is no port for it. */
async function settled(
  parts: CreateParts,
  stored: ExposureObject,
  waitMs: number,
  isNew: boolean,
): Promise<ExposureObject> {
  const { client, cache, clock, hasten } = parts;
  const { namespace = "", name, uid, generation, resourceVersion = "0" } = stored.metadata;
  const key = `${namespace}/${name}`;
  await cache.exposures.waitFor(resourceVersion, FRESHNESS_WAIT);
  hasten(key);
  const verdict = () => {
    const known = cache.exposures.get(key);
    const condition = known?.metadata.uid === uid ? readyOf(known?.status) : undefined;
    const isPresent = condition?.observedGeneration === generation && condition?.reason !== "Pending";
    return isPresent ? condition : undefined;
  };
  await until(cache.exposures, clock, () => verdict() !== undefined, waitMs);
  const condition = verdict();
  const now = cache.exposures.get(key) ?? stored;
  const code = condition?.reason ?? "";
  if (!isNew || !FINAL.has(code) || !isErrorCode(code) || now.status?.claim !== undefined) return now;
  await deleteObject(client, exposureReference(stored), { uid });
  hasten(key);
  const { hint } = describeCode(code);
  throw new BerthError(code, (condition?.message ?? "").replace(` ${hint}`, ""), {
    ...(code === "POOL_EXHAUSTED" ? { details: { retryAfter: "10" } } : {}),
    field: code.startsWith("PORT") ? "port" : "pool",
  });
}

/** What is asked of an exposure, as it is stored. */
function toSpec(settings: ExposureSettings): ExposureSpec {
  const { service, servicePort, protocols, pool, address, port, reservation, release } = settings;
  return {
    service: { name: service, port: /^\d+$/.test(servicePort) ? Number(servicePort) : servicePort },
    protocols: protocols.map((protocol) => (protocol === "tcp" ? "TCP" : "UDP")),
    pool,
    ...(address === undefined ? {} : { address }),
    ...(port === undefined ? {} : { port }),
    ...(reservation === undefined ? {} : { reservation }),
    ...(release === undefined
      ? {}
      : {
          release: {
            name: release,
            ...(settings.deleteWithRelease === true ? { deleteWith: true } : {}),
          },
        }),
  };
}
