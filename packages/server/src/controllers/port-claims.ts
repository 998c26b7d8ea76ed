import type { Clock, Logger } from "@berth/base";
import { createWorkQueue, deleteObject, getObject, isConflict } from "@berth/kube";
import type { KubeClient, Outcome } from "@berth/kube";

import { exposures, isDeleting, portClaims, releaseClaim, restLeft } from "../domain/exposures/index.ts";
import type { ClaimObject, ExposureCache, ExposureObject } from "../domain/exposures/index.ts";

const CONCURRENCY = 8;
/** A claim stands before what it is for is known everywhere: so long nothing is said against it, in milliseconds. */
const GRACE = 15_000;
/** Replicas do the same a little apart, so that one does it; in milliseconds. */
const CHANCE = 1_000;
/** Where its pool is gone, a port rests so long, in seconds. */
const REST = 60;
/** How long a stop waits for what runs, in milliseconds. */
const STOP = 2_000;

/** What the controller is made of. */
export interface ClaimControllerParts {
  readonly client: KubeClient;
  readonly cache: ExposureCache;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Removes claims that have rested, ends reservations, and frees what nobody has any more. */
export interface ClaimController {
  /** Resolves once nothing is under way. */
  stop(): Promise<void>;
}

/** Makes the controller, which works as the cache tells it of claims and exposures. */
export function createClaimController(parts: ClaimControllerParts): ClaimController {
  const { cache, log, clock } = parts;
  const queue = createWorkQueue({
    name: "port-claims",
    handle: (name) => handle(parts, name),
    ...{ concurrency: CONCURRENCY, log, clock },
  });
  const ends = [
    cache.claims.onChange(({ type, key }) => void (type !== "deleted" && queue.add(key))),
    cache.exposures.onChange((change) => {
      const before = change.type === "added" ? undefined : change.previous;
      const after = change.type === "deleted" ? undefined : change.object;
      const [was, is] = [before, after].map((one) => JSON.stringify(one?.status?.claim ?? null));
      if (before === undefined || was === is) return;
      const uid = before.metadata.uid ?? "";
      for (const { metadata } of cache.claims.byIndex("exposure", uid)) queue.addAfter(metadata.name, GRACE);
    }),
  ];
  return {
    async stop() {
      ends.forEach((end) => end());
      await queue.stop(STOP);
    },
  };
}

async function handle(parts: ClaimControllerParts, name: string): Promise<Outcome> {
  const { client, cache, clock } = parts;
  const claim = cache.claims.get(name);
  if (claim === undefined) return { kind: "done" };
  const { reservation, exposure, pool } = claim.spec;
  const restSeconds = cache.pools.get(pool)?.spec.restSeconds ?? REST;
  const rest = restLeft(claim, restSeconds, clock.now());
  if (rest !== undefined) return rest > 0 ? again(rest) : remove(parts, claim);
  if (reservation !== undefined) {
    const left = Date.parse(reservation.expireTime) - clock.now();
    if (left > 0) return again(left);
    await releaseClaim(client, claim, clock.now());
    return { kind: "done" };
  }
  if (exposure === undefined || isWanted(cache.exposures.get(`${exposure.namespace}/${exposure.name}`), claim)) {
    return { kind: "done" };
  }
  const age = clock.now() - Date.parse(claim.metadata.creationTimestamp ?? "");
  if (age < GRACE || !cache.ready().ok) return again(GRACE);
  const { namespace, name: owner } = exposure;
  const stored = await getObject<ExposureObject>(client, { resource: exposures, namespace, name: owner });
  if (isWanted(stored, claim)) return { kind: "done" };
  // Its finalizer frees them once the data plane does not carry them any more.
  if (stored?.metadata.uid === exposure.uid && isDeleting(stored)) return again(GRACE);
  parts.log.warn({ claim: name, exposure: `${namespace}/${owner}` }, "a port that nobody has any more is freed");
  await releaseClaim(client, claim, clock.now());
  return { kind: "done" };
}

/** Whether an exposure has chosen the port of a claim. */
function isWanted(exposure: ExposureObject | undefined, { spec }: ClaimObject): boolean {
  const chosen = exposure?.status?.claim;
  const isOwner = exposure?.metadata.uid === spec.exposure?.uid;
  return isOwner && chosen?.slot === spec.slot && chosen.port === spec.port;
}

async function remove({ client }: ClaimControllerParts, { metadata }: ClaimObject): Promise<Outcome> {
  const { name, uid } = metadata;
  await deleteObject(client, { resource: portClaims, name }, { uid }).catch((error: unknown) => {
    if (!isConflict(error)) throw error;
  });
  return { kind: "done" };
}

function again(ms: number): Outcome {
  return { kind: "requeueAfter", ms: Math.max(0, ms) + Math.random() * CHANCE };
}
