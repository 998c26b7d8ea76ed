import { BerthError } from "@berth/base";
import type { Clock } from "@berth/base";
import type { KubeClient } from "@berth/kube";

import type { Candidate } from "../allocate.ts";
import { isAllowed } from "../allowed.ts";
import type { ExposureCache } from "../cache.ts";
import type { Driver } from "../drivers/driver.ts";
import { writeStatus } from "../objects.ts";
import { claimName, exposureReference, isDeleting, poolOf, protocolsOf } from "../resource.ts";
import type { ClaimObject, ExposureHolder, ExposureObject, PoolObject, Protocol } from "../resource.ts";
import { findPort, portTaken } from "./find.ts";
import { discard, isMine, takeClaims } from "./take.ts";

/** How many ports are tried that turn out to be taken. */
const TRIES = 64;

/** What securing a port is made of. */
export interface SecureParts {
  readonly client: KubeClient;
  readonly cache: ExposureCache;
  readonly drivers: ReadonlyMap<string, Driver>;
  readonly clock: Clock;
}

/** The exposure as it is stored now; with why it has no port, where it has none. */
export interface Secured {
  readonly exposure: ExposureObject;
  readonly error?: BerthError;
}

/** Who an exposure is to its claims. */
export function holderOf({ metadata }: ExposureObject): ExposureHolder {
  return { namespace: metadata.namespace ?? "", name: metadata.name, uid: metadata.uid ?? "" };
}

/**
 * Gives an exposure its claims, which are those of `status.claim`. A claim is
 * made only for the port that stands in the exposure's status, which is written
 * over just the version that was read: of any number of replicas that try, one
 * chooses, and whoever comes after a death goes on with what was chosen. What is
 * held by others is replaced by another choice, unless it was asked for.
 */
export async function secureClaims(parts: SecureParts, exposure: ExposureObject, pool: PoolObject): Promise<Secured> {
  const { client, cache, clock } = parts;
  const holder = { exposure: holderOf(exposure) };
  const protocols = protocolsOf(exposure.spec);
  const tried = new Set<string>();
  let current = exposure;
  for (let tries = 0; ; tries++) {
    const candidate = current.status?.claim;
    if (candidate === undefined) {
      const chosen = choose(parts, current, pool, tried);
      if (chosen instanceof BerthError) return { exposure: current, error: chosen };
      const status = { ...current.status, claim: chosen };
      current = await writeStatus(client, exposureReference(current), current, status);
      continue;
    }
    const names = protocols.map((protocol) => claimName(candidate.slot, protocol, candidate.port));
    if (names.every((name) => isKnownMine(cache.claims.get(name), holder))) return { exposure: current };
    const taking = { pool: pool.metadata.name, candidate, protocols, holder };
    const mayTakeOver = (claim: ClaimObject) => isMeantFor(claim, current, clock.now());
    const outcome = await takeClaims(client, { ...taking, mayTakeOver });
    if (outcome.kind === "taken") return { exposure: current };
    names.forEach((name) => tried.add(name));
    current = await forget(client, current);
    if (exposure.spec.port !== undefined || tries === TRIES) {
      return { exposure: current, error: portTaken(candidate.port, outcome.by) };
    }
  }
}

/** Gives a port up that the data plane carries for a stranger, so that another is chosen. */
export async function yieldPort(
  parts: SecureParts,
  exposure: ExposureObject,
  pool: PoolObject,
  found: { readonly protocol: Protocol; readonly entry: string },
): Promise<ExposureObject> {
  const { client } = parts;
  const candidate = exposure.status?.claim;
  if (candidate === undefined) return exposure;
  const holder = { exposure: holderOf(exposure) };
  const protocols = protocolsOf(exposure.spec);
  const kept = await takeClaims(client, { pool: pool.metadata.name, candidate, protocols, holder });
  if (kept.kind === "taken") for (const claim of kept.claims) await discard(client, claim);
  const strange = { pool: pool.metadata.name, candidate, holder: { stranger: { entry: found.entry } } };
  await takeClaims(client, { ...strange, protocols: [found.protocol] });
  return forget(client, exposure);
}

function choose(
  parts: SecureParts,
  exposure: ExposureObject,
  pool: PoolObject,
  tried: ReadonlySet<string>,
): Candidate | BerthError {
  try {
    return reservedFor(parts, exposure) ?? findAllowed(parts, exposure, pool, tried);
  } catch (error) {
    if (error instanceof BerthError) return error;
    throw error;
  }
}

function findAllowed(parts: SecureParts, exposure: ExposureObject, pool: PoolObject, tried: ReadonlySet<string>) {
  const { namespace = "" } = exposure.metadata;
  checkPool(parts, pool, namespace);
  const { port, address } = exposure.spec;
  const found = port === undefined ? undefined : strangerOf(parts, exposure, pool);
  if (found !== undefined) return { slot: found.spec.slot, port: found.spec.port };
  return findPort(parts, pool, { protocols: protocolsOf(exposure.spec), port, address }, tried);
}

/** Throws where the cache has not been read yet: what it does not know might be there. */
export function checkReady({ cache }: Pick<SecureParts, "cache">): void {
  const state = cache.ready();
  if (!state.ok) throw new BerthError("NOT_READY", `Berth still reads the cluster's ${state.reason}.`);
}

/** Throws where a namespace may take no new port of a pool. */
export function checkPool({ cache }: Pick<SecureParts, "cache">, pool: PoolObject, namespace: string): void {
  const { name } = pool.metadata;
  if (isDeleting(pool)) throw new BerthError("POOL_NOT_FOUND", `Pool "${name}" is being deleted.`, { field: "pool" });
  if (isAllowed(pool.spec, namespace, cache.namespaces.get(namespace) ?? {})) return;
  throw new BerthError("POOL_REFUSED", `Pool "${name}" is not for namespace "${namespace}".`, { field: "pool" });
}

/** The port that a reservation holds which the exposure takes up. */
function reservedFor({ cache, clock }: SecureParts, { spec }: ExposureObject) {
  if (spec.reservation === undefined) return undefined;
  const claims = cache.claims.byIndex("reservation", spec.reservation);
  const held = claims.find((claim) => isHeld(claim, clock.now()) && claim.spec.pool === poolOf(spec));
  return held === undefined ? undefined : { slot: held.spec.slot, port: held.spec.port };
}

/** A stranger's entry on the port that is asked for which leads where the exposure would. */
function strangerOf({ cache }: SecureParts, exposure: ExposureObject, pool: PoolObject): ClaimObject | undefined {
  const { port = 0 } = exposure.spec;
  return cache
    .usable(pool.metadata.name)
    .flatMap(({ metadata }) =>
      protocolsOf(exposure.spec).flatMap(
        (protocol) => cache.claims.get(claimName(metadata.name, protocol, port)) ?? [],
      ),
    )
    .find((claim) => isSameEntry(claim, exposure));
}

function isMeantFor(claim: ClaimObject, exposure: ExposureObject, now: number): boolean {
  const { reservation } = exposure.spec;
  const isReserved = reservation !== undefined && claim.spec.reservation?.id === reservation && isHeld(claim, now);
  return isReserved || (exposure.spec.port !== undefined && isSameEntry(claim, exposure));
}

function isHeld({ spec, status }: ClaimObject, now: number): boolean {
  return status?.releasedAt === undefined && Date.parse(spec.reservation?.expireTime ?? "") > now;
}

/** An entry of a ConfigMap that somebody else made for just this service and port may be taken over: nothing is cut. */
function isSameEntry({ spec }: ClaimObject, { metadata, spec: wish }: ExposureObject): boolean {
  return spec.stranger?.entry === `${metadata.namespace}/${wish.service.name}:${String(wish.service.port)}`;
}

function isKnownMine(claim: ClaimObject | undefined, holder: { readonly exposure: ExposureHolder }): boolean {
  return claim !== undefined && isMine(claim, holder);
}

async function forget(client: KubeClient, exposure: ExposureObject): Promise<ExposureObject> {
  const { claim: _claim, port: _port, address: _address, target: _target, ...status } = exposure.status ?? {};
  return writeStatus(client, exposureReference(exposure), exposure, status);
}
