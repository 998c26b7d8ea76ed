import type { Clock } from "@berth/base";

import type { ReleaseTarget } from "../command.ts";
import type { StoredRevision } from "./stored-revision.ts";
import type { Stuck } from "./types.ts";

/** What is known beside the stored revision. */
export interface StuckParts {
  /** Whether an operation of the release is open. */
  readonly isHeld: (target: ReleaseTarget) => boolean;
  /** How long a record may be without an ending and unchanged, in milliseconds. */
  readonly afterMs: number;
  readonly clock: Pick<Clock, "now">;
}

/** Tells whether nobody seems to work on a newest revision any more; undefined where it is not stuck. */
export type StuckJudge = (cluster: string, newest: StoredRevision) => Stuck | undefined;

/** Makes the judge: facts that are known without a question to the cluster. */
export function createStuckJudge({ isHeld, afterMs, clock }: StuckParts): StuckJudge {
  return (cluster, { namespace, name, revision, status, changedAt }) => {
    if (!status.startsWith("pending-") && status !== "uninstalling") return undefined;
    if (changedAt === 0 || clock.now() - changedAt < afterMs) return undefined;
    if (isHeld({ cluster, namespace, name })) return undefined;
    return {
      since: new Date(changedAt),
      reason: `Revision ${String(revision)} is ${status}, and no operation of Berth is open for it.`,
    };
  };
}
