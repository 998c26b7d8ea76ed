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

/** The places of one replica, given fairly: whose tenant has the fewest comes first. */
export interface Slots {
  /** A place; undefined where there is none: then `wanted` is told when there may be. */
  take(applicant: Applicant): Slot | undefined;
  /** Whoever was refused for a queue wants no place any more. */
  withdraw(queue: string): void;
  running(): number;
}

/** Who was refused, one a queue, by tenant; whoever asks again keeps its turn. */
class Waiting {
  readonly tenants = new Map<string, Map<string, Applicant>>();
  readonly #tenantOf = new Map<string, string>();

  /** Whether it took the place of another tenant's. */
  add(applicant: Applicant): boolean {
    const { queue, tenant } = applicant;
    const before = this.#tenantOf.get(queue);
    const isOther = before !== undefined && before !== tenant;
    if (isOther) this.leave(queue);
    this.#tenantOf.set(queue, tenant);
    const queues = this.tenants.get(tenant) ?? new Map<string, Applicant>();
    this.tenants.set(tenant, queues.set(queue, applicant));
    return isOther;
  }

  /** The tenant that waited with the queue. */
  leave(queue: string): string | undefined {
    const tenant = this.#tenantOf.get(queue);
    if (tenant === undefined) return undefined;
    this.#tenantOf.delete(queue);
    const queues = this.tenants.get(tenant);
    queues?.delete(queue);
    if (queues?.size === 0) this.tenants.delete(tenant);
    return tenant;
  }
}

/** Makes the places. `wanted` hears the queue of whoever was refused, once a place may be free. */
export function createSlots(limits: Limits, wanted: (queue: string) => void): Slots {
  const held = new Set<Applicant & { isActive: boolean }>();
  const waiting = new Waiting();
  const count = (is: (one: Applicant & { isActive: boolean }) => boolean) => [...held].filter(is).length;
  const fits = ({ cluster, tenant }: Applicant) =>
    held.size < limits.running &&
    count((one) => one.isActive) < limits.active &&
    count((one) => one.cluster === cluster) < limits.perCluster &&
    count((one) => one.tenant === tenant) < limits.perTenant;
  /** Whether somebody of a tenant with fewer places waits for what this one would take. */
  const isBefore = (applicant: Applicant) => {
    const mine = count((one) => one.tenant === applicant.tenant && one.isActive);
    for (const [tenant, queues] of waiting.tenants) {
      if (tenant === applicant.tenant) continue;
      const theirs = count((one) => one.tenant === tenant && one.isActive);
      if (theirs < mine && [...queues.values()].some(fits)) return true;
    }
    return false;
  };
  const tell = () => {
    const fewestFirst = [...waiting.tenants.keys()].sort(
      (a, b) => count((one) => one.tenant === a && one.isActive) - count((one) => one.tenant === b && one.isActive),
    );
    for (const tenant of fewestFirst) {
      const next = [...(waiting.tenants.get(tenant)?.values() ?? [])].find(fits);
      if (next !== undefined) return wanted(next.queue);
    }
  };
  return {
    running: () => held.size,
    withdraw(queue) {
      if (waiting.leave(queue) !== undefined) tell();
    },
    take(applicant) {
      if (!fits(applicant) || isBefore(applicant)) {
        // Who was told may have been another tenant's operation of the queue, for which there was a place.
        if (waiting.add(applicant)) tell();
        return undefined;
      }
      waiting.leave(applicant.queue);
      const place = { ...applicant, isActive: true };
      held.add(place);
      return {
        rest() {
          if (!place.isActive) return;
          place.isActive = false;
          tell();
        },
        free() {
          if (held.delete(place)) tell();
        },
      };
    },
  };
}
