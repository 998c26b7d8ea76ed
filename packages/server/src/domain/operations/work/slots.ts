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

/** Who wants to run. */
export interface Applicant {
  readonly queue: string;
  readonly cluster: string;
  readonly tenant: string;
}

/** A place among the running. */
export interface Slot {
  /** It only waits from now on. */
  rest(): void;
  free(): void;
}

/** The places of one replica, given fairly: whose tenant has the fewest active ones comes first. */
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
  const held = { all: 0, active: 0, cluster: new Tally(), tenant: new Tally(), activeOf: new Tally() };
  const waiting = new Map<string, Applicant>();
  const byTenant = new Map<string, Set<string>>();
  /** Who was told of a free place and has not come for it yet. */
  const told = new Set<string>();

  const fits = ({ cluster, tenant }: Applicant) =>
    held.all < limits.running &&
    held.active < limits.active &&
    held.cluster.of(cluster) < limits.perCluster &&
    held.tenant.of(tenant) < limits.perTenant;
  const leave = (queue: string) => {
    const applicant = waiting.get(queue);
    told.delete(queue);
    if (applicant === undefined) return;
    waiting.delete(queue);
    const queues = byTenant.get(applicant.tenant);
    queues?.delete(queue);
    if (queues?.size === 0) byTenant.delete(applicant.tenant);
  };
  /** The applicant who comes next: of the tenant with the fewest active ones, the one that has waited longest. */
  const next = (skip: ReadonlySet<string>): Applicant | undefined => {
    const tenants = [...byTenant.keys()].sort((a, b) => held.activeOf.of(a) - held.activeOf.of(b));
    for (const tenant of tenants) {
      for (const queue of byTenant.get(tenant) ?? []) {
        const applicant = waiting.get(queue);
        if (applicant !== undefined && !skip.has(queue) && fits(applicant)) return applicant;
      }
    }
    return undefined;
  };
  const tell = (refused?: string) => {
    const applicant = next(refused === undefined ? told : new Set([...told, refused]));
    if (applicant === undefined) return;
    told.add(applicant.queue);
    wanted(applicant.queue);
  };
  const wait = (applicant: Applicant) => {
    leave(applicant.queue);
    waiting.set(applicant.queue, applicant);
    byTenant.set(applicant.tenant, (byTenant.get(applicant.tenant) ?? new Set()).add(applicant.queue));
  };
  const isBefore = ({ tenant }: Applicant) => {
    const first = next(NOBODY);
    return first !== undefined && held.activeOf.of(first.tenant) < held.activeOf.of(tenant);
  };
  return {
    running: () => held.all,
    withdraw(queue) {
      const was = waiting.has(queue);
      leave(queue);
      if (was) tell();
    },
    take(applicant) {
      if (!fits(applicant) || isBefore(applicant)) {
        wait(applicant);
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
  readonly activeOf: Tally;
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
    held.activeOf.add(tenant, by);
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
