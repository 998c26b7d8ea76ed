/** Who wants to run. */
export interface Applicant {
  readonly queue: string;
  readonly cluster: string;
  readonly tenant: string;
}

/** Those who wait for a place, grouped by tenant and cluster; within a group who has waited longest stands first. */
export interface Waiting {
  /** Puts an applicant behind the others of its group. */
  add(applicant: Applicant): void;
  /** Whether it was there. */
  remove(queue: string): boolean;
  /** The first of all that fits, group by group in an order. */
  first(fits: (applicant: Applicant) => boolean, order: Order): Applicant | undefined;
}

/** Which of two applicants comes first: below 0, the one; above, the other. The same for all of their groups. */
export type Order = (one: Applicant, other: Applicant) => number;

/** Nobody waits. */
export function createWaiting(): Waiting {
  const all = new Map<string, Applicant>();
  const groups = new Map<string, Map<string, Applicant>>();
  const remove = (queue: string) => {
    const applicant = all.get(queue);
    if (applicant === undefined) return false;
    all.delete(queue);
    const group = groups.get(groupOf(applicant));
    group?.delete(queue);
    if (group?.size === 0) groups.delete(groupOf(applicant));
    return true;
  };
  return {
    remove,
    add(applicant) {
      remove(applicant.queue);
      all.set(applicant.queue, applicant);
      const group = groups.get(groupOf(applicant)) ?? new Map<string, Applicant>();
      groups.set(groupOf(applicant), group.set(applicant.queue, applicant));
    },
    first(fits, order) {
      const inOrder = [...groups.values()].sort((a, b) => order(headOf(a), headOf(b)));
      for (const group of inOrder) {
        for (const applicant of group.values()) if (fits(applicant)) return applicant;
      }
      return undefined;
    },
  };
}

function groupOf({ tenant, cluster }: Applicant): string {
  return JSON.stringify([tenant, cluster]);
}

/** No group is empty. */
function headOf(group: ReadonlyMap<string, Applicant>): Applicant {
  const [head] = group.values();
  return head as Applicant;
}
