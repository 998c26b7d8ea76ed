import type { Informer } from "@berth/kube";

import type { ClaimObject } from "./resource.ts";

/** Claims on one address, by who has them. */
export interface Count {
  readonly exposed: number;
  readonly reserved: number;
  readonly strange: number;
  /** Freed, and not yet to be given again. */
  readonly resting: number;
}

const NONE: Count = { exposed: 0, reserved: 0, strange: 0, resting: 0 };

/** How many claims there are on each address, without counting them anew. */
export interface Tally {
  of(slot: string): Count;
  /** All of them. */
  load(slot: string): number;
}

/** Makes a tally that follows an informer of claims; made before that one starts. */
export function createTally(claims: Pick<Informer<ClaimObject>, "onChange">): Tally {
  const counts = new Map<string, Count>();
  const add = ({ spec, status }: ClaimObject, by: 1 | -1) => {
    const before = counts.get(spec.slot) ?? NONE;
    const key = status?.releasedAt !== undefined ? "resting" : holderOf(spec);
    counts.set(spec.slot, { ...before, [key]: before[key] + by });
  };
  claims.onChange((change) => {
    if (change.type !== "added") add(change.previous, -1);
    if (change.type !== "deleted") add(change.object, 1);
  });
  const of = (slot: string) => counts.get(slot) ?? NONE;
  return {
    of,
    load(slot) {
      const { exposed, reserved, strange, resting } = of(slot);
      return exposed + reserved + strange + resting;
    },
  };
}

function holderOf({ exposure, reservation }: ClaimObject["spec"]): keyof Count {
  if (exposure !== undefined) return "exposed";
  return reservation === undefined ? "strange" : "reserved";
}
