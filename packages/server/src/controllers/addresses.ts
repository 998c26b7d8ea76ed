import { BerthError, asBerthError } from "@berth/base";
import type { Logger } from "@berth/base";
import { createWorkQueue } from "@berth/kube";
import type { Outcome } from "@berth/kube";

import {
  addFinalizer,
  addresses,
  conditionsOf,
  driverOf,
  dropClaims,
  dropFinalizer,
  isDeleting,
  isOvertaken,
  ready,
  refused,
  repair,
  unknown,
  writeStatus,
} from "../domain/exposures/index.ts";
import type {
  AddressObject,
  AddressState,
  Driver,
  PoolObject,
  RepairParts,
  Verdict,
} from "../domain/exposures/index.ts";

const CONCURRENCY = 4;
/** How often an address is compared with its claims, and by how much replicas drift apart, in milliseconds. */
const [INTERVAL, CHANCE] = [30_000, 15_000];
/** How soon what is in somebody's way is looked at again, in milliseconds. */
const SOON = 2_000;
/** How long a stop waits for what runs, in milliseconds. */
const STOP = 2_000;

/** What the controller is made of. */
export interface AddressControllerParts extends RepairParts {
  readonly drivers: ReadonlyMap<string, Driver>;
  /** Tells of an exposure that the data plane does not carry as it should. */
  readonly recheck: (exposure: string) => void;
  readonly log: Logger;
}

/** Says of each address whether it carries ports, and mends what differs between claims and data plane. */
export interface AddressController {
  /** Resolves once nothing is under way. */
  stop(): Promise<void>;
}

/** Makes the controller, which works as the cache tells it of addresses and pools, and again and again. */
export function createAddressController(parts: AddressControllerParts): AddressController {
  const { cache, log, clock } = parts;
  const queue = createWorkQueue({
    name: "addresses",
    handle: (slot) => handle(parts, slot),
    ...{ concurrency: CONCURRENCY, log, clock },
  });
  const all = () => cache.addresses.list().forEach(({ metadata }) => queue.add(metadata.name));
  const ends = [
    cache.addresses.onChange((change) => {
      if (change.type === "modified" && isSameSpec(change.previous, change.object)) return;
      // Whose place is free now, and whose is taken, is a matter of all of them.
      all();
    }),
    cache.pools.onChange(({ key }) => {
      cache.addresses.byIndex("pool", key).forEach(({ metadata }) => queue.add(metadata.name));
    }),
    cache.services.onChange((change) => {
      if (change.type === "added") return;
      for (const { metadata, spec } of cache.addresses.list()) {
        const { namespace, service } = spec.configmap ?? {};
        if (service !== undefined && `${namespace ?? ""}/${service}` === change.key)
          queue.addAfter(metadata.name, SOON);
      }
    }),
  ];
  return {
    async stop() {
      ends.forEach((end) => end());
      await queue.stop(STOP);
    },
  };
}

async function handle(parts: AddressControllerParts, slot: string): Promise<Outcome> {
  const { client, cache } = parts;
  const found = cache.addresses.get(slot);
  if (found === undefined) return { kind: "done" };
  if (!cache.ready().ok) return { kind: "requeueAfter", ms: SOON };
  const reference = { resource: addresses, name: slot };
  try {
    if (isDeleting(found)) return await finish(parts, found);
    const address = await addFinalizer(client, reference, found);
    const [verdict, state] = await judge(parts, address);
    await report(parts, address, verdict, state?.address ?? "");
  } catch (error) {
    if (!isOvertaken(error)) throw error;
    return { kind: "requeueAfter", ms: SOON * (1 + Math.random()) };
  }
  return { kind: "requeueAfter", ms: INTERVAL + Math.random() * CHANCE };
}

async function judge(
  parts: AddressControllerParts,
  address: AddressObject,
): Promise<readonly [Verdict, AddressState | undefined]> {
  const { cache, drivers, log } = parts;
  const { spec, metadata } = address;
  try {
    const pool = cache.pools.get(spec.pool);
    if (pool === undefined) throw unknown("POOL", spec.pool);
    const driver = checkDriver(drivers, pool, address);
    const duplicate = cache.duplicates().get(metadata.name);
    if (duplicate !== undefined) {
      const { owner, place } = duplicate;
      const message = `Address "${owner.metadata.name}" of pool "${owner.spec.pool}" has ${place}.`;
      throw new BerthError("ADDRESS_TAKEN", message);
    }
    const state = await driver.survey(address);
    const { doubtful, ...mended } = await repair(parts, driver, pool, address, state);
    doubtful.forEach(parts.recheck);
    const count = mended.strangers + mended.leaks + mended.gone + doubtful.length;
    if (count > 0) log.info({ slot: metadata.name, ...mended, doubtful: doubtful.length }, "an address was mended");
    return [ready("It carries ports."), state];
  } catch (error) {
    const ours = asBerthError(error);
    if (ours.kind === "internal" || isOvertaken(ours)) throw error;
    return [refused(ours), undefined];
  }
}

function checkDriver(
  drivers: ReadonlyMap<string, Driver>,
  { spec, metadata }: PoolObject,
  address: AddressObject,
): Driver {
  const settings = driverOf(address.spec);
  if (settings !== spec.driver) {
    const message = `It has settings of ${settings}, and pool "${metadata.name}" is of driver ${spec.driver}.`;
    throw new BerthError("ADDRESS_INVALID", message);
  }
  const driver = drivers.get(spec.driver);
  if (driver !== undefined) return driver;
  throw new BerthError("DRIVER_UNAVAILABLE", `This Berth has no driver "${spec.driver}".`, {
    hint: "Use a pool with another driver.",
  });
}

async function report(
  { client, cache, clock }: AddressControllerParts,
  found: AddressObject,
  verdict: Verdict,
  seen: string,
): Promise<void> {
  const { name, generation = 0 } = found.metadata;
  const address = found.spec.address ?? (seen === "" ? (found.status?.address ?? "") : seen);
  await writeStatus(client, { resource: addresses, name }, found, {
    observedGeneration: generation,
    ...(address === "" ? {} : { address }),
    claims: cache.tally.load(name),
    conditions: conditionsOf(found.status, verdict, generation, clock.now()),
  });
}

/** An address goes once nobody has a port of it. */
async function finish(parts: AddressControllerParts, address: AddressObject): Promise<Outcome> {
  const { client, cache } = parts;
  const { name } = address.metadata;
  const { exposed, reserved } = cache.tally.of(name);
  if (exposed + reserved > 0) {
    const message = `${String(exposed)} of its ports are exposed and ${String(reserved)} reserved.`;
    await report(parts, address, refused(new BerthError("POOL_IN_USE", message)), "");
    return { kind: "requeueAfter", ms: SOON };
  }
  await dropClaims(parts, name);
  await dropFinalizer(client, { resource: addresses, name }, address);
  return { kind: "done" };
}

function isSameSpec(a: AddressObject, b: AddressObject): boolean {
  return a.metadata.generation === b.metadata.generation && isDeleting(a) === isDeleting(b);
}
