import { createHash } from "node:crypto";

import type { ReleaseTarget } from "../../command.ts";

/** Says what an object of Berth's home is. */
export const ROLE_LABEL = "berth.dev/role";

/** Stands on a payload that is forgotten and stays for its key alone. */
export const DROPPED_LABEL = "berth.dev/dropped";

/** The roles of objects that are no kind of their own. */
export const ROLES = { queue: "queue", payload: "payload", replica: "replica", logs: "logs" } as const;

/** Name of the queue of a release. */
export function queueName({ cluster, namespace, name }: ReleaseTarget): string {
  return `queue-${hash(`${cluster}/${namespace}/${name}`)}`;
}

/** Name of the Secret that an idempotency key stands for; the key itself is kept nowhere. */
export function keyName(principal: string, key: string): string {
  return `idem-${hash(JSON.stringify([principal, key]))}`;
}

/** Name of the Secret with the log lines of an operation. */
export function logsName(id: string): string {
  return `${id}-logs`;
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 40);
}
