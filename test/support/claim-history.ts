import { createInformer } from "@berth/kube";
import type { CacheChange, KubeClient, KubeObject } from "@berth/kube";
import { silentLogger, systemClock } from "@berth/base";

import type { Stored } from "./exposures.ts";

/** By how much one watch may be behind the other, in milliseconds. */
const BEHIND = 2_000;

/** What an independent reader of the API server's own events found. */
export interface ClaimHistory extends AsyncDisposable {
  /** What must never be: a port that two have, that changes hands without a rest, or that an exposure names without a claim. */
  readonly faults: string[];
  /** Claims that came. */
  readonly taken: () => number;
}

/**
 * Follows PortClaims and Exposures by watches of its own and checks, at each
 * event, that no (slot, protocol, port) is given twice: one claim of a name at a
 * time, its holder never another one, gone only after its release, and no two
 * exposures that name the same port of the same address.
 */
export async function followClaims(kube: KubeClient, pool: string): Promise<ClaimHistory> {
  const faults: string[] = [];
  let taken = 0;
  const common = { client: kube, log: silentLogger, clock: systemClock };
  const resource = (plural: string) => ({ group: "berth.dev", version: "v1alpha1", plural });
  const transform = (object: KubeObject) => object as unknown as Stored;
  const claims = createInformer<Stored>({ ...common, resource: resource("portclaims"), transform });
  const exposures = createInformer<Stored>({ ...common, resource: resource("exposures"), transform });
  claims.onChange((change) => {
    const { previous, object } = sides(change);
    if ((object ?? previous)?.spec.pool !== pool) return;
    if (change.type === "added") taken++;
    const name = change.key;
    if (object !== undefined && name !== `${object.spec.slot}.${object.spec.protocol}.${String(object.spec.port)}`) {
      faults.push(`${name} is a claim on another port`);
    }
    const [before, after] = [previous?.spec.exposure?.uid, object?.spec.exposure?.uid];
    if (
      change.type === "modified" &&
      previous?.metadata.uid === object?.metadata.uid &&
      before !== undefined &&
      before !== after
    ) {
      faults.push(`${name} goes from ${before} to ${String(after)}`);
    }
    const isFreed = previous?.status?.releasedAt === undefined && object?.status?.releasedAt !== undefined;
    const holder = object?.spec.exposure;
    if (isFreed && holder !== undefined) {
      // The other watch may be behind: an exposure whose port is freed is being deleted.
      setTimeout(() => {
        const exposure = exposures.get(`${holder.namespace}/${holder.name}`);
        const isAlive = exposure?.metadata.uid === holder.uid && exposure.metadata.deletionTimestamp === undefined;
        const chosen = exposure?.status?.claim;
        const isNamed = chosen?.slot === object?.spec.slot && chosen?.port === object?.spec.port;
        if (isAlive && isNamed) faults.push(`${name} is freed under ${holder.name}`);
      }, BEHIND);
    }
    if (
      previous?.status?.releasedAt !== undefined &&
      object !== undefined &&
      object.metadata.uid === previous.metadata.uid
    ) {
      if (object.status?.releasedAt === undefined) faults.push(`${name} is taken back from its rest`);
    }
  });
  /** Who names an address and port, by that: as soon as its status is published. */
  const named = new Map<string, string>();
  exposures.onChange((change) => {
    const { previous, object } = sides(change);
    if ((object ?? previous)?.spec.pool !== pool) return;
    const [was, is] = [publishedOf(previous), publishedOf(object)];
    const uid = (object ?? previous)?.metadata.uid ?? "";
    if (was !== undefined && was !== is && named.get(was) === uid) named.delete(was);
    if (is === undefined || was === is) return;
    const other = named.get(is);
    if (other !== undefined && other !== uid) faults.push(`${is} is given to ${other} and ${uid}`);
    named.set(is, uid);
  });
  claims.start();
  exposures.start();
  await Promise.all([claims.synced(), exposures.synced()]);
  return {
    faults,
    taken: () => taken,
    [Symbol.asyncDispose]: async () => void (await Promise.all([claims.stop(), exposures.stop()])),
  };
}

function sides(change: CacheChange<Stored>): { previous: Stored | undefined; object: Stored | undefined } {
  return {
    previous: change.type === "added" ? undefined : change.previous,
    object: change.type === "deleted" ? undefined : change.object,
  };
}

/**
 * Address and port that an exposure says it is reached at. One that is being
 * deleted says nothing any more: its port is freed before it is gone, and who
 * dies in between leaves it behind for a while.
 */
function publishedOf(exposure: Stored | undefined): string | undefined {
  if (exposure?.metadata.deletionTimestamp !== undefined) return undefined;
  const { port, claim } = exposure?.status ?? {};
  return port === undefined || claim === undefined ? undefined : `${claim.slot} ${String(port)}`;
}
