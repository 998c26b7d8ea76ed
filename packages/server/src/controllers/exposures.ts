import { BerthError, asBerthError } from "@berth/base";
import type { Logger } from "@berth/base";
import { createWorkQueue } from "@berth/kube";
import type { Outcome } from "@berth/kube";

import {
  ASKED,
  addFinalizer,
  backendOf,
  conditionsOf,
  dropFinalizer,
  exposureReference,
  hasClaims,
  holderOf,
  isDeleting,
  isOvertaken,
  pending,
  poolOf,
  protocolsOf,
  ready,
  readyOf,
  refused,
  releaseOf,
  releasePorts,
  secureClaims,
  unknown,
  writeStatus,
  yieldPort,
} from "../domain/exposures/index.ts";
import type {
  AddressObject,
  Driver,
  ExposureObject,
  PoolObject,
  PortWish,
  SecureParts,
  ServiceObject,
  Verdict,
} from "../domain/exposures/index.ts";
import { wakeExposures } from "./exposure-news.ts";

/** Exposures at once: what they write of one object is one write. */
const CONCURRENCY = 32;
/** A replica leaves what is new to another for so long, longer where that one was asked for it, in milliseconds; and a little more by chance. */
const [MOMENT, COURTESY, CHANCE] = [50, 2_000, 200];
/** How soon what is not ready is looked at again where nothing tells, in milliseconds. */
const [SOON, LATER] = [2_000, 15_000];
/** Ports that a stranger has are given up so often in one go. */
const YIELDS = 8;
/** How long a stop waits for what runs, in milliseconds. */
const STOP = 2_000;

/** What the controller is made of. */
export interface ExposureControllerParts extends SecureParts {
  /** What this process calls itself in `ASKED`. */
  readonly replica: string;
  readonly log: Logger;
}

/** Gives each exposure its port, has the data plane carry it, and says in its status how it is. */
export interface ExposureController {
  /** Looks at an exposure now: somebody waits for it here. */
  hasten(key: string): void;
  /** Tells the data plane again, whatever the status says. */
  recheck(key: string): void;
  /** Resolves once nothing is under way. */
  stop(): Promise<void>;
}

/** Makes the controller, which works as the cache tells it of exposures and all they depend on. */
export function createExposureController(parts: ExposureControllerParts): ExposureController {
  const { cache, log, clock } = parts;
  const doubted = new Set<string>();
  const queue = createWorkQueue({
    name: "exposures",
    handle: (key) => handle(parts, doubted, key),
    ...{ concurrency: CONCURRENCY, log, clock },
  });
  const news = wakeExposures(cache, {
    now: (key) => queue.add(key),
    soon: (key) => queue.addAfter(key, restOf(parts, key) + Math.random() * CHANCE),
  });
  const recheck = (key: string) => {
    doubted.add(key);
    queue.addAfter(key, Math.random() * CHANCE);
  };
  for (const driver of parts.drivers.values()) driver.start?.(recheck);
  return {
    hasten: (key) => queue.add(key),
    recheck,
    async stop() {
      news();
      await queue.stop(STOP);
      for (const driver of parts.drivers.values()) await driver.stop?.();
    },
  };
}

/** Whoever was asked for an exposure has it in hand; others come when that one has not got it done. */
function restOf({ cache, replica }: ExposureControllerParts, key: string): number {
  const exposure = cache.exposures.get(key);
  const asked = exposure?.metadata.annotations?.[ASKED];
  if (asked === undefined || asked === replica) return MOMENT;
  return isDeleting(exposure as ExposureObject) || readyOf(exposure?.status) === undefined ? COURTESY : MOMENT;
}

async function handle(parts: ExposureControllerParts, doubted: Set<string>, key: string): Promise<Outcome> {
  const { cache } = parts;
  const exposure = cache.exposures.get(key);
  if (exposure === undefined) {
    doubted.delete(key);
    return { kind: "done" };
  }
  if (!cache.ready().ok) return { kind: "requeueAfter", ms: SOON };
  try {
    if (isDeleting(exposure)) return await finish(parts, exposure);
    const isDoubted = doubted.delete(key);
    if (!isDoubted && isSettled(parts, exposure)) return { kind: "done" };
    return await make(parts, exposure);
  } catch (error) {
    // Another replica was faster, and the watch tells how it went.
    if (isOvertaken(error)) return { kind: "requeueAfter", ms: SOON };
    throw error;
  }
}

/** Whether the status says that all is made, just as it would be made now. */
function isSettled(parts: ExposureControllerParts, exposure: ExposureObject): boolean {
  const { cache, drivers } = parts;
  const { metadata, spec, status } = exposure;
  const condition = readyOf(status);
  if (condition?.status !== "True" || condition.observedGeneration !== metadata.generation) return false;
  const address = cache.addresses.get(status?.claim?.slot ?? "");
  const driver = drivers.get(cache.pools.get(poolOf(spec))?.spec.driver ?? "");
  if (address === undefined || driver === undefined || reachedAt(address) !== status?.address) return false;
  try {
    return status.target === driver.describe(wishOf(parts, exposure, address));
  } catch {
    return false;
  }
}

async function make(parts: ExposureControllerParts, found: ExposureObject): Promise<Outcome> {
  const { client, cache } = parts;
  let exposure = await addFinalizer(client, exposureReference(found), found);
  const pool = cache.pools.get(poolOf(exposure.spec));
  const driver = drivers(parts, pool);
  if (pool === undefined) return report(parts, exposure, refused(unknown("POOL", poolOf(exposure.spec))));
  if (driver instanceof BerthError) return report(parts, exposure, refused(driver));
  for (let yields = 0; ; yields++) {
    const secured = await secureClaims(parts, exposure, pool);
    exposure = secured.exposure;
    if (secured.error !== undefined) return report(parts, exposure, refused(secured.error));
    const { address, wish, verdict, strange } = await carry(parts, exposure, pool, driver);
    if (strange === undefined) return report(parts, exposure, verdict, { pool, address, wish, driver });
    if (wish !== undefined) await driver.remove(wish);
    exposure = await yieldPort(parts, exposure, pool, strange);
    if (exposure.spec.port !== undefined || yields === YIELDS) {
      const { message } = verdict;
      return report(parts, exposure, refused(new BerthError("PORT_TAKEN", message, { field: "port" })));
    }
  }
}

function drivers({ drivers: known }: ExposureControllerParts, pool: PoolObject | undefined): Driver | BerthError {
  const name = pool?.spec.driver ?? "";
  const message = `This Berth has no driver "${name}".`;
  return known.get(name) ?? new BerthError("DRIVER_UNAVAILABLE", message, { hint: "Use a pool with another driver." });
}

interface Carrying {
  readonly address: AddressObject | undefined;
  /** What the data plane was told; undefined where it was told nothing. */
  readonly wish?: PortWish;
  readonly verdict: Verdict;
  readonly strange?: { readonly protocol: "tcp" | "udp"; readonly entry: string };
}

/** Has the data plane carry the port, and says how it went. */
async function carry(
  parts: ExposureControllerParts,
  exposure: ExposureObject,
  pool: PoolObject,
  driver: Driver,
): Promise<Carrying> {
  const { cache } = parts;
  const { slot = "", port = 0 } = exposure.status?.claim ?? {};
  const address = cache.addresses.get(slot);
  if (address === undefined) {
    return { address, verdict: refused(new BerthError("ADDRESS_NOT_FOUND", `The address "${slot}" is gone.`)) };
  }
  try {
    const wish = wishOf(parts, exposure, address);
    const carried = await driver.ensure(wish);
    if (carried.kind === "pending") return { address, wish, verdict: pending(carried.message) };
    if (carried.kind === "stranger") {
      const { protocol, entry } = carried;
      const message = `Port ${String(port)} of ${slot} carries an entry that Berth has not made: ${entry}.`;
      return { address, wish, verdict: pending(message), strange: { protocol, entry } };
    }
    if (reachedAt(address) === "")
      return { address, wish, verdict: pending(`The address of ${slot} is not known yet.`) };
    const where = `${reachedAt(address)} port ${String(port)}`;
    const words =
      pool.spec.simulated === true ? `Stored for ${where}; nothing answers there.` : `Reachable at ${where}.`;
    return { address, wish, verdict: ready(words) };
  } catch (error) {
    const ours = asBerthError(error);
    if (ours.kind === "internal" || isOvertaken(ours)) throw error;
    return { address, verdict: refused(ours) };
  }
}

interface Made {
  readonly pool: PoolObject;
  readonly address: AddressObject | undefined;
  readonly wish: PortWish | undefined;
  readonly driver: Driver;
}

async function report(
  { client, cache, clock }: ExposureControllerParts,
  exposure: ExposureObject,
  verdict: Verdict,
  made?: Made,
): Promise<Outcome> {
  const { metadata, status: before } = exposure;
  const { generation = 0 } = metadata;
  const claim = before?.claim;
  const at = made?.address === undefined ? "" : reachedAt(made.address);
  const target = made?.wish === undefined ? before?.target : made.driver.describe(made.wish);
  const service = serviceOf(cache, exposure);
  const release = service === undefined ? (before?.release ?? "") : releaseOf(service);
  await writeStatus(client, exposureReference(exposure), exposure, {
    observedGeneration: generation,
    ...(claim === undefined ? {} : { claim, port: claim.port }),
    ...(claim === undefined || at === "" ? {} : { address: at }),
    ...(target === undefined ? {} : { target }),
    ...(release === "" ? {} : { release }),
    ...(made?.pool.spec.simulated === true ? { simulated: true } : {}),
    conditions: conditionsOf(before, verdict, generation, clock.now()),
  });
  if (verdict.status === "True") return { kind: "done" };
  const rest = verdict.reason === "POOL_EXHAUSTED" ? SOON : LATER;
  return { kind: "requeueAfter", ms: rest * (1 + Math.random()) };
}

/** Takes an exposure that is being deleted off the data plane, frees its ports, and lets it go. */
async function finish(parts: ExposureControllerParts, exposure: ExposureObject): Promise<Outcome> {
  try {
    await releasePorts(parts, exposure);
  } catch (error) {
    const ours = asBerthError(error);
    if (ours.code !== "DRIVER_UNAVAILABLE" && ours.code !== "DRIVER_REFUSED") throw error;
    return report(parts, exposure, refused(ours));
  }
  await dropFinalizer(parts.client, exposureReference(exposure), exposure);
  return { kind: "done" };
}

function wishOf(
  { client, cache }: ExposureControllerParts,
  exposure: ExposureObject,
  address: AddressObject,
): PortWish {
  const holder = holderOf(exposure);
  const { slot = "", port = 0 } = exposure.status?.claim ?? {};
  const protocols = protocolsOf(exposure.spec);
  return {
    ...{ exposure: holder, address, port, protocols },
    backend: backendOf(exposure.spec, holder, serviceOf(cache, exposure)),
    isStillOurs: () => hasClaims(client, holder, { slot, port, protocols }),
  };
}

function serviceOf({ services }: SecureParts["cache"], { metadata, spec }: ExposureObject): ServiceObject | undefined {
  return services.get(`${metadata.namespace}/${spec.service.name}`);
}

function reachedAt({ spec, status }: AddressObject): string {
  return spec.address ?? status?.address ?? "";
}
