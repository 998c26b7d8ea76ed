import { createWaiting } from "./waiting.ts";
import type { Applicant } from "./waiting.ts";

/** How much is worked on at once. */
export interface Limits {
  /** Operations that fetch, render, apply or delete: what takes the processor. */
  readonly active: number;
  /** Operations in all, of which the others wait for their objects. */
  readonly running: number;
  /** Of one cluster, and of one tenant. */
  readonly perCluster: number;
  readonly perTenant: number;
}

/** A place among the running. */
export interface Slot {
  /** It only waits from now on. */
  rest(): void;
  free(): void;
}

/** Part of the active places that one cluster may take once another one is known: it may be one that does not answer. */
const SHARE = 3 / 4;

/** The places of one replica, given fairly: whose tenant, and then whose cluster, has the fewest active ones comes first. */
export interface Slots {
  /** A place; undefined where there is none: then `wanted` is told when there may be. */
  take(applicant: Applicant): Slot | undefined;
  /** A queue that wants no place now: whoever waits behind it is told. */
  withdraw(queue: string): void;
  /** Places that are taken. */
  running(): number;
}

/** Makes the places. `wanted` hears the queue of whoever was refused, once a place may be free. */
export function createSlots(limits: Limits, wanted: (queue: string) => void): Slots {
  const held: Held = {
    ...{ all: 0, active: 0, cluster: new Tally(), tenant: new Tally() },
    activeOf: { cluster: new Tally(), tenant: new Tally() },
  };
  const waiting = createWaiting();
  const clusters = new Set<string>();
  /** Who was told of a free place and has not come for it yet. */
  const told = new Set<string>();

  const fits = ({ cluster, tenant }: Applicant) =>
    held.all < limits.running &&
    held.active < limits.active &&
    (clusters.size < 2 || held.activeOf.cluster.of(cluster) < Math.ceil(limits.active * SHARE)) &&
    held.cluster.of(cluster) < limits.perCluster &&
    held.tenant.of(tenant) < limits.perTenant;
  const leave = (queue: string) => {
    told.delete(queue);
    return waiting.remove(queue);
  };
  const order = (one: Applicant, other: Applicant) => compare(held, one, other);
  /** The applicant who comes next: of the tenant with the fewest active ones, and its cluster with them, the one that has waited longest. */
  const next = (skip: ReadonlySet<string>) => waiting.first((one) => !skip.has(one.queue) && fits(one), order);
  const tell = (refused?: string) => {
    const applicant = next(refused === undefined ? told : new Set([...told, refused]));
    if (applicant === undefined) return;
    told.add(applicant.queue);
    wanted(applicant.queue);
  };
  const isBefore = (applicant: Applicant) => {
    const first = next(NOBODY);
    return first !== undefined && order(first, applicant) < 0;
  };
  return {
    running: () => held.all,
    withdraw(queue) {
      if (leave(queue)) tell();
    },
    take(applicant) {
      clusters.add(applicant.cluster);
      if (!fits(applicant) || isBefore(applicant)) {
        told.delete(applicant.queue);
        waiting.add(applicant);
        // Whoever comes before it may not have heard yet.
        tell(applicant.queue);
        return undefined;
      }
      leave(applicant.queue);
      const slot = createSlot(held, applicant, () => tell());
      // There may be room for more.
      tell();
      return slot;
    },
  };
}

const NOBODY: ReadonlySet<string> = new Set();

interface Held {
  all: number;
  active: number;
  readonly cluster: Tally;
  readonly tenant: Tally;
  readonly activeOf: { readonly cluster: Tally; readonly tenant: Tally };
}

/** Who comes first: below 0, the one; above, the other. */
function compare({ activeOf }: Held, one: Applicant, other: Applicant): number {
  const byTenant = activeOf.tenant.of(one.tenant) - activeOf.tenant.of(other.tenant);
  return byTenant || activeOf.cluster.of(one.cluster) - activeOf.cluster.of(other.cluster);
}

function createSlot(held: Held, { cluster, tenant }: Applicant, tell: () => void): Slot {
  let state: "active" | "resting" | "free" = "active";
  const change = (by: number) => {
    held.all += by;
    held.cluster.add(cluster, by);
    held.tenant.add(tenant, by);
  };
  const activate = (by: number) => {
    held.active += by;
    held.activeOf.tenant.add(tenant, by);
    held.activeOf.cluster.add(cluster, by);
  };
  change(1);
  activate(1);
  return {
    rest() {
      if (state !== "active") return;
      state = "resting";
      activate(-1);
      tell();
    },
    free() {
      if (state === "free") return;
      if (state === "active") activate(-1);
      state = "free";
      change(-1);
      tell();
    },
  };
}

/** Counts by name; a name that is not counted is forgotten. */
class Tally {
  readonly #counts = new Map<string, number>();

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  add(name: string, by: number): void {
    const count = this.of(name) + by;
    if (count === 0) this.#counts.delete(name);
    else this.#counts.set(name, count);
  }
}
