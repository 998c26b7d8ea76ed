import { BerthError } from "@berth/base";

import { allocate, reservedOf } from "../allocate.ts";
import type { Candidate, Room } from "../allocate.ts";
import type { ExposureCache } from "../cache.ts";
import { claimName, readyOf } from "../resource.ts";
import type { AddressObject, ClaimObject, PoolObject, Protocol } from "../resource.ts";
import type { Driver } from "../drivers/driver.ts";

/** Full addresses that an error names. */
const NAMED = 3;

/** What somebody wants of a pool. */
export interface PortQuery {
  readonly protocols: readonly Protocol[];
  readonly port?: number | undefined;
  /** Name, IP address or host name of an address; any where undefined. */
  readonly address?: string | undefined;
}

/** What finding a port needs. */
export interface FindParts {
  readonly cache: ExposureCache;
  readonly drivers: ReadonlyMap<string, Driver>;
  readonly random?: (() => number) | undefined;
}

/**
 * The port to try next, by what the cache knows and what was found taken since.
 * Throws what stands in the way: PORT_OUT_OF_RANGE, ADDRESS_NOT_FOUND,
 * DRIVER_UNAVAILABLE where no address carries ports yet, PORT_TAKEN with who has
 * it, POOL_EXHAUSTED with the numbers.
 */
export function findPort(
  parts: FindParts,
  pool: PoolObject,
  query: PortQuery,
  tried: ReadonlySet<string> = new Set(),
): Candidate {
  const { cache, drivers } = parts;
  const { ports, reserved } = pool.spec;
  const { port, protocols } = query;
  checkRange(pool, port);
  const chosen = usableAddresses(cache, pool, query);
  const driver = drivers.get(pool.spec.driver);
  const able = chosen.filter((address) => {
    const carried = driver?.protocolsOf(address) ?? [];
    return protocols.every((protocol) => carried.includes(protocol));
  });
  if (able.length === 0) {
    throw new BerthError(
      "DRIVER_REFUSED",
      `No address of pool "${pool.metadata.name}" carries ${protocols.join(" and ")}.`,
      {
        field: "protocols",
      },
    );
  }
  const rooms = able.map(({ metadata, spec }) => ({
    slot: metadata.name,
    load: cache.tally.load(metadata.name),
    capacity: spec.capacity ?? driver?.capacity,
  }));
  const isTaken = (slot: string, protocol: Protocol, number: number) => {
    const name = claimName(slot, protocol, number);
    return tried.has(name) || cache.claims.get(name) !== undefined;
  };
  const range = { ...ports, reserved: reservedOf(ports, reserved) };
  const found = allocate(range, rooms, { protocols, port }, { isTaken, random: parts.random ?? Math.random });
  if (found !== undefined) return found;
  if (port === undefined) throw exhausted(cache, pool, rooms);
  const slots = rooms.map(({ slot }) => slot);
  throw taken(cache, slots, protocols, port);
}

function checkRange({ metadata, spec }: PoolObject, port: number | undefined): void {
  const { from, to } = spec.ports;
  if (port === undefined || (port >= from && port <= to)) return;
  const message = `Port ${String(port)} is not one of pool "${metadata.name}": ${String(from)} to ${String(to)}.`;
  throw new BerthError("PORT_OUT_OF_RANGE", message, { field: "port" });
}

/** Addresses of the pool that carry ports, or the one that is meant. */
function usableAddresses(cache: ExposureCache, { metadata }: PoolObject, { address: wanted }: PortQuery) {
  const pool = metadata.name;
  const isMeant = (address: AddressObject) => wanted === undefined || isCalled(address, wanted);
  const usable = cache.usable(pool).filter(isMeant);
  if (usable.length > 0) return usable;
  const known = cache.addresses.byIndex("pool", pool).filter(isMeant);
  if (known.length === 0 && wanted !== undefined) {
    const message = `Pool "${pool}" has no address "${wanted}".`;
    throw new BerthError("ADDRESS_NOT_FOUND", message, { field: "address" });
  }
  const why = known.map((one) => `${one.metadata.name}: ${readyOf(one.status)?.message ?? "not looked at yet"}`);
  const message = `Pool "${pool}" has no address that carries ports. ${why.join(" ")}`.trim();
  throw new BerthError("DRIVER_UNAVAILABLE", message, {
    hint: "Look at the addresses of the pool: kubectl get addresses.",
  });
}

/** Whether an address is meant by a name, an IP address or a host name. */
export function isCalled({ metadata, spec, status }: AddressObject, wanted: string): boolean {
  return [metadata.name, spec.address, status?.address].includes(wanted);
}

function exhausted(cache: ExposureCache, { metadata, spec }: PoolObject, rooms: readonly Room[]): BerthError {
  const sum = { exposed: 0, reserved: 0, strange: 0, resting: 0 };
  for (const { slot } of rooms) {
    const count = cache.tally.of(slot);
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += count[key];
  }
  const { from, to } = spec.ports;
  const full = rooms.filter(({ load, capacity = Infinity }) => load >= capacity).slice(0, NAMED);
  const details = Object.fromEntries(Object.entries(sum).map(([key, value]) => [key, String(value)]));
  const message =
    `Pool "${metadata.name}" has no free port: ${String(to - from + 1)} ports on ${String(rooms.length)} addresses, ` +
    `${details.exposed} exposed, ${details.reserved} reserved, ${details.resting} resting, ${details.strange} of others.` +
    full.map(({ slot, capacity }) => ` ${slot} carries ${String(capacity)} at most.`).join("");
  return new BerthError("POOL_EXHAUSTED", message, { details: { ...details, retryAfter: "10" } });
}

function taken(
  cache: ExposureCache,
  slots: readonly string[],
  protocols: readonly Protocol[],
  port: number,
): BerthError {
  const claims = slots.flatMap((slot) =>
    protocols.flatMap((protocol) => cache.claims.get(claimName(slot, protocol, port)) ?? []),
  );
  return portTaken(port, claims[0]);
}

/** Says who has a port. */
export function portTaken(port: number, claim: ClaimObject | undefined): BerthError {
  const who = claim === undefined ? "somebody else" : describeHolder(claim);
  const details = claim === undefined ? {} : { claim: claim.metadata.name };
  return new BerthError("PORT_TAKEN", `Port ${String(port)} is held by ${who}.`, { field: "port", details });
}

function describeHolder({ metadata, spec, status }: ClaimObject): string {
  const { exposure, reservation, stranger, slot } = spec;
  if (status?.releasedAt !== undefined)
    return `nobody, but was freed at ${status.releasedAt} and rests (${metadata.name})`;
  if (exposure !== undefined) return `exposure ${exposure.namespace}/${exposure.name} on ${slot}`;
  if (reservation !== undefined) return `a reservation on ${slot} until ${reservation.expireTime}`;
  return `an entry on ${slot} that Berth has not made (${stranger?.entry ?? ""})`;
}
