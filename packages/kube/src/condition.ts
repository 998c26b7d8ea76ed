/** A condition of an object's status, as Kubernetes' meta/v1 has it. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message?: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
}

/** What a condition Ready is to say. */
export type ReadyVerdict = Pick<Condition, "status" | "reason"> & { readonly message: string };

/** The condition Ready among others. */
export function readyAmong(conditions: readonly Condition[] | undefined): Condition | undefined {
  return conditions?.find(({ type }) => type === "Ready");
}

/** The condition Ready after a verdict: its time changes with its status alone. Pure. */
export function toReady(
  before: Condition | undefined,
  verdict: ReadyVerdict,
  observedGeneration: number,
  now: number,
): Condition {
  return {
    ...{ type: "Ready", ...verdict, observedGeneration },
    lastTransitionTime: before?.status === verdict.status ? before.lastTransitionTime : toTime(now),
  };
}

/** A moment (wall clock, ms) as meta/v1 writes it: RFC 3339 in seconds. */
export function toTime(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
}
