import { createObject, deleteObject, getObject, isConflict } from "@berth/kube";
import type { KubeClient } from "@berth/kube";
import type { Clock } from "@berth/base";

import type { ExposureCache } from "../cache.ts";
import type { AddressState, Driver, Entry } from "../drivers/driver.ts";
import { API_VERSION, claimName, portClaims, protocolsOf, readyOf } from "../resource.ts";
import type { AddressObject, ClaimObject, ExposureObject, PoolObject } from "../resource.ts";
import { releaseClaim } from "./release.ts";

/** What comparing is made of. */
export interface RepairParts {
  readonly client: KubeClient;
  readonly cache: ExposureCache;
  readonly clock: Clock;
}

/** What was found and mended on one address. */
export interface Repaired {
  /** Entries of others that are claimed from now on. */
  readonly strangers: number;
  /** Entries of ours that nobody wanted, taken off. */
  readonly leaks: number;
  /** Claims whose stranger has gone, freed. */
  readonly gone: number;
  /** Exposures, by `namespace/name`, that the data plane has to be told of again. */
  readonly doubtful: readonly string[];
}

/**
 * Compares what an address carries with its claims, and mends what differs:
 * strangers' ports are claimed, so that nobody is given them; what is ours and
 * wanted by nobody is locked by a claim, taken off, and rests; what is missing or
 * changed is told.
 */
export async function repair(
  parts: RepairParts,
  driver: Driver,
  pool: PoolObject,
  address: AddressObject,
  state: AddressState,
): Promise<Repaired> {
  const { client, cache, clock } = parts;
  const slot = address.metadata.name;
  const { from, to } = pool.spec.ports;
  const carried = new Map(state.entries.map((one) => [claimName(slot, one.protocol, one.port), one]));
  let [strangers, leaks, gone] = [0, 0, 0];
  for (const [name, entry] of carried) {
    const claim = cache.claims.get(name);
    if (claim === undefined && entry.port >= from && entry.port <= to && !entry.isOurs) {
      if ((await lock(client, pool, slot, entry)) !== undefined) strangers++;
    } else if (entry.isOurs && (claim === undefined || claim.status?.releasedAt !== undefined)) {
      if (await dropLeak(parts, driver, pool, address, entry)) leaks++;
    }
  }
  for (const claim of cache.claims.byIndex("slot", slot)) {
    const entry = carried.get(claim.metadata.name);
    if (claim.spec.stranger === undefined || (entry !== undefined && !entry.isOurs)) continue;
    if (claim.status?.releasedAt !== undefined) continue;
    await releaseClaim(client, claim, clock.now());
    gone++;
  }
  return { strangers, leaks, gone, doubtful: doubtful(cache, driver, slot, carried) };
}

/** Claims a port that the data plane carries already; undefined where somebody has the claim. */
async function lock(client: KubeClient, pool: PoolObject, slot: string, { protocol, port, entry }: Entry) {
  const name = claimName(slot, protocol, port);
  const stranger = { entry: entry.slice(0, 1024) };
  const spec = { slot, protocol, port, pool: pool.metadata.name, stranger };
  const body = { apiVersion: API_VERSION, kind: "PortClaim", metadata: { name }, spec };
  return createObject<ClaimObject>(client, { resource: portClaims }, body).catch((error: unknown) => {
    if (!isConflict(error)) throw error;
    return undefined;
  });
}

/** Takes an entry of ours off that no claim stands for, while the claim on it is ours or rests. */
async function dropLeak(
  { client, clock }: RepairParts,
  driver: Driver,
  pool: PoolObject,
  address: AddressObject,
  entry: Entry,
): Promise<boolean> {
  const name = claimName(address.metadata.name, entry.protocol, entry.port);
  const stored = await getObject<ClaimObject>(client, { resource: portClaims, name });
  if (stored !== undefined && stored.status?.releasedAt === undefined) return false;
  const locked = stored === undefined ? await lock(client, pool, address.metadata.name, entry) : stored;
  if (locked === undefined) return false;
  await driver.drop(address, entry);
  await releaseClaim(client, locked, clock.now());
  return true;
}

function doubtful(
  cache: ExposureCache,
  driver: Driver,
  slot: string,
  carried: ReadonlyMap<string, Entry>,
): readonly string[] {
  const isRight = ({ metadata, spec, status }: ExposureObject) =>
    protocolsOf(spec).every((protocol) => {
      const name = claimName(slot, protocol, status?.claim?.port ?? 0);
      const entry = carried.get(name);
      const isClaimed = cache.claims.get(name)?.spec.exposure?.uid === metadata.uid;
      return isClaimed && entry?.isOurs === true && driver.isAsDescribed(entry, status?.target ?? "");
    });
  return cache.exposures
    .byIndex("slot", slot)
    .filter((one) => readyOf(one.status)?.status === "True" && !isRight(one))
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}

/** Removes the claims of an address that is going and that only strangers, or nobody, has. */
export async function dropClaims({ client, cache }: RepairParts, slot: string): Promise<void> {
  for (const { metadata } of cache.claims.byIndex("slot", slot)) {
    const { name, uid } = metadata;
    await deleteObject(client, { resource: portClaims, name }, { uid }).catch((error: unknown) => {
      if (!isConflict(error)) throw error;
    });
  }
}
