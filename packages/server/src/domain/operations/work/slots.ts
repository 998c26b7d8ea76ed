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
  /** Whoever was refused wants no place any more. */
  withdraw(applicant: Applicant): void;
  running(): number;
}

/** Makes the places. `wanted` hears the queue of whoever was refused, once a place may be free. */
export function createSlots(limits: Limits, wanted: (queue: string) => void): Slots {
  const held = new Set<Applicant & { isActive: boolean }>();
  const waiting = new Map<string, Map<string, Applicant>>();
  const count = (is: (one: Applicant & { isActive: boolean }) => boolean) => [...held].filter(is).length;
  const fits = ({ cluster, tenant }: Applicant) =>
    held.size < limits.running &&
    count((one) => one.isActive) < limits.active &&
    count((one) => one.cluster === cluster) < limits.perCluster &&
    count((one) => one.tenant === tenant) < limits.perTenant;
  const leave = ({ tenant, queue }: Applicant) => {
    const queues = waiting.get(tenant);
    queues?.delete(queue);
    if (queues?.size === 0) waiting.delete(tenant);
  };
  /** Whether somebody of a tenant with fewer places waits for what this one would take. */
  const isBefore = (applicant: Applicant) => {
    const mine = count((one) => one.tenant === applicant.tenant && one.isActive);
    for (const [tenant, queues] of waiting) {
      if (tenant === applicant.tenant) continue;
      const theirs = count((one) => one.tenant === tenant && one.isActive);
      if (theirs < mine && [...queues.values()].some(fits)) return true;
    }
    return false;
  };
  const tell = () => {
    const tenants = [...waiting.keys()].sort(
      (a, b) => count((one) => one.tenant === a && one.isActive) - count((one) => one.tenant === b && one.isActive),
    );
    for (const tenant of tenants) {
      const next = [...(waiting.get(tenant)?.values() ?? [])].find(fits);
      if (next !== undefined) return wanted(next.queue);
    }
  };
  return {
    running: () => held.size,
    withdraw(applicant) {
      if (waiting.get(applicant.tenant)?.has(applicant.queue) !== true) return;
      leave(applicant);
      tell();
    },
    take(applicant) {
      if (!fits(applicant) || isBefore(applicant)) {
        const queues = waiting.get(applicant.tenant) ?? new Map<string, Applicant>();
        waiting.set(applicant.tenant, queues.set(applicant.queue, applicant));
        return undefined;
      }
      leave(applicant);
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
