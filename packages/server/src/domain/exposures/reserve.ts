import { randomUUID } from "node:crypto";

import { BerthError } from "@berth/base";
import { until } from "@berth/kube";

import type { Principal } from "../access/index.ts";
import { findPort, portTaken } from "./claims/find.ts";
import { releaseClaim } from "./claims/release.ts";
import { checkPool, checkReady } from "./claims/secure.ts";
import type { SecureParts } from "./claims/secure.ts";
import { takeClaims } from "./claims/take.ts";
import { unknown } from "./objects.ts";
import { claimName } from "./resource.ts";
import type { ReservePort, Reservation } from "./types.ts";

/** How many ports are tried that turn out to be taken. */
const TRIES = 64;
/** How long a write waits until the cache has it, in milliseconds. */
const FRESHNESS_WAIT = 2_000;

/** Holds a port for somebody until a time: one object for each protocol, and nothing on the data plane. */
export async function reservePort(
  parts: SecureParts,
  { name: by }: Principal,
  command: ReservePort,
): Promise<Reservation> {
  const { client, cache, clock } = parts;
  const { namespace, protocols, address, port, ttlMs } = command;
  checkReady(parts);
  const pool = cache.pools.get(command.pool);
  if (pool === undefined) throw unknown("POOL", command.pool);
  checkPool(parts, pool, namespace);
  const expireTime = new Date(clock.now() + ttlMs);
  const reservation = { id: randomUUID(), by, expireTime: expireTime.toISOString() };
  const tried = new Set<string>();
  for (let tries = 0; ; tries++) {
    const candidate = findPort(parts, pool, { protocols, address, port }, tried);
    const { slot } = candidate;
    const outcome = await takeClaims(client, {
      pool: pool.metadata.name,
      candidate,
      protocols,
      holder: { reservation },
    });
    if (outcome.kind === "taken") {
      const [claim] = outcome.claims;
      await cache.claims.waitFor(claim?.metadata.resourceVersion ?? "0", FRESHNESS_WAIT);
      const { spec, status } = cache.addresses.get(slot) ?? {};
      const reachedAt = spec?.address ?? status?.address ?? "";
      const place = { pool: pool.metadata.name, slot, address: reachedAt, port: candidate.port };
      return { id: reservation.id, ...place, protocols, expireTime, release: spec?.release ?? "" };
    }
    if (port !== undefined || tries === TRIES) throw portTaken(candidate.port, outcome.by);
    protocols.forEach((protocol) => tried.add(claimName(slot, protocol, candidate.port)));
  }
}

/** Gives a reservation back. RESERVATION_NOT_FOUND where it was taken up, has expired, or is another's. */
export async function cancelReservation({ client, cache, clock }: SecureParts, principal: Principal, id: string) {
  const held = () =>
    cache.claims
      .byIndex("reservation", id)
      .filter(({ spec, status }) => spec.reservation?.by === principal.name && status?.releasedAt === undefined);
  const own = held();
  if (own.length === 0) throw new BerthError("RESERVATION_NOT_FOUND", "There is no such reservation.", { field: "id" });
  for (const claim of own) await releaseClaim(client, claim, clock.now());
  // Whoever gives it back again is told that it is gone.
  await until(cache.claims, clock, () => held().length === 0, FRESHNESS_WAIT);
}
