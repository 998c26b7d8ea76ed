import { isDeleting, poolOf, readyOf } from "../domain/exposures/index.ts";
import type { AddressObject, ExposureCache, ExposureObject } from "../domain/exposures/index.ts";

/** Exposures that are woken for one port that has become free. */
const WOKEN = 2;

/** How an exposure is looked at. */
export interface Wake {
  now(key: string): void;
  /** After a moment: another replica may be at it. */
  soon(key: string): void;
}

/** Wakes exposures when they, or what they depend on, change. The function given back ends it. */
export function wakeExposures(cache: ExposureCache, { now, soon }: Wake): () => void {
  const { exposures, services, pools, addresses, claims, namespaces } = cache;
  /** Those that found no port in their pool, in the order they came. */
  const starving = new Map<string, Set<string>>();
  const wake = (all: readonly ExposureObject[]) => all.forEach((one) => soon(keyOf(one)));
  const ends = [
    exposures.onChange((change) => {
      const before = change.type === "added" ? undefined : change.previous;
      const object = change.type === "deleted" ? undefined : change.object;
      if (before !== undefined && isStarving(before)) starving.get(poolOf(before.spec))?.delete(change.key);
      if (object === undefined) return;
      if (isStarving(object)) starvingIn(starving, poolOf(object.spec)).add(change.key);
      // Its own status is no news but where somebody has seen it otherwise.
      soon(change.key);
    }),
    services.onChange((change) => wake(exposures.byIndex("service", change.key))),
    pools.onChange((change) => wake(exposures.byIndex("pool", change.key))),
    addresses.onChange((change) => {
      const [before, after] = [
        change.type === "added" ? undefined : change.previous,
        change.type === "deleted" ? undefined : change.object,
      ];
      const pool = (after ?? before)?.spec.pool ?? "";
      if (weightOf(before) !== weightOf(after)) wake(exposures.byIndex("pool", pool));
    }),
    namespaces.onChange((change) => {
      wake(exposures.byIndex("namespace", change.key).filter((one) => readyOf(one.status)?.status !== "True"));
    }),
    claims.onChange((change) => {
      if (change.type !== "deleted") return;
      const { pool, port } = change.previous.spec;
      const waiting = [...(starving.get(pool) ?? [])].filter((key) => {
        const asked = exposures.get(key)?.spec.port;
        return asked === undefined || asked === port;
      });
      for (const key of waiting.slice(0, WOKEN)) now(key);
    }),
  ];
  return () => ends.forEach((end) => end());
}

function keyOf({ metadata }: ExposureObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function isStarving(exposure: ExposureObject): boolean {
  const reason = readyOf(exposure.status)?.reason ?? "";
  return !isDeleting(exposure) && (reason === "POOL_EXHAUSTED" || reason === "PORT_TAKEN");
}

function starvingIn(starving: Map<string, Set<string>>, pool: string): Set<string> {
  const known = starving.get(pool) ?? new Set();
  starving.set(pool, known);
  return known;
}

/** What of an address matters to exposures. */
function weightOf(address: AddressObject | undefined): string {
  if (address === undefined) return "";
  const { spec, status } = address;
  return JSON.stringify([spec, status?.address, readyOf(status)?.status, isDeleting(address)]);
}
