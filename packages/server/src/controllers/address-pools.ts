import { BerthError } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { createWorkQueue } from "@berth/kube";
import type { KubeClient, Outcome } from "@berth/kube";

import {
  addFinalizer,
  addressPools,
  conditionsOf,
  dropFinalizer,
  isDeleting,
  isOvertaken,
  pending,
  ready,
  refused,
  writeStatus,
} from "../domain/exposures/index.ts";
import type { ExposureCache, PoolObject, Verdict } from "../domain/exposures/index.ts";

/** How soon a pool that is to go is looked at again, in milliseconds. */
const SOON = 2_000;
/** Replicas do the same a little apart, so that one does it; in milliseconds. */
const CHANCE = 300;
/** How long a stop waits for what runs, in milliseconds. */
const STOP = 2_000;

/** What the controller is made of. */
export interface PoolControllerParts {
  readonly client: KubeClient;
  readonly cache: ExposureCache;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Says of each pool whether it carries ports, and keeps one that is deleted until its exposures have gone. */
export interface PoolController {
  /** Resolves once nothing is under way. */
  stop(): Promise<void>;
}

/** Makes the controller, which works as the cache tells it of pools and addresses. */
export function createPoolController(parts: PoolControllerParts): PoolController {
  const { cache, log, clock } = parts;
  const queue = createWorkQueue({ name: "address-pools", handle: (name) => handle(parts, name), log, clock });
  const soon = (name: string) => queue.addAfter(name, Math.random() * CHANCE);
  const ends = [
    cache.pools.onChange(({ key }) => soon(key)),
    cache.addresses.onChange((change) => soon((change.type === "deleted" ? change.previous : change.object).spec.pool)),
  ];
  return {
    async stop() {
      ends.forEach((end) => end());
      await queue.stop(STOP);
    },
  };
}

async function handle({ client, cache, clock }: PoolControllerParts, name: string): Promise<Outcome> {
  const found = cache.pools.get(name);
  if (found === undefined) return { kind: "done" };
  if (!cache.ready().ok) return { kind: "requeueAfter", ms: SOON };
  const reference = { resource: addressPools, name };
  try {
    const given = portsGiven(cache, name);
    if (isDeleting(found) && given === 0) {
      await dropFinalizer(client, reference, found);
      return { kind: "done" };
    }
    const pool = isDeleting(found) ? found : await addFinalizer(client, reference, found);
    const usable = cache.usable(name).length;
    const { generation = 0 } = pool.metadata;
    await writeStatus(client, reference, pool, {
      observedGeneration: generation,
      addresses: usable,
      conditions: conditionsOf(pool.status, judge(pool, usable, given), generation, clock.now()),
    });
  } catch (error) {
    if (!isOvertaken(error)) throw error;
  }
  return isDeleting(found) ? { kind: "requeueAfter", ms: SOON } : { kind: "done" };
}

function judge(pool: PoolObject, usable: number, given: number): Verdict {
  if (isDeleting(pool)) return refused(new BerthError("POOL_IN_USE", `${String(given)} of its ports are given.`));
  return usable === 0
    ? pending("It has no address that carries ports.")
    : ready(`${String(usable)} addresses carry ports.`);
}

/** Ports of a pool that exposures have, or that are reserved. */
function portsGiven(cache: ExposureCache, pool: string): number {
  return cache.addresses.byIndex("pool", pool).reduce((sum, { metadata }) => {
    const { exposed, reserved } = cache.tally.of(metadata.name);
    return sum + exposed + reserved;
  }, 0);
}
