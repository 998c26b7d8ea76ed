import { createObject, getObject, updateObject } from "@berth/kube";
import type { KubeClient, KubeObject } from "@berth/kube";

import type { OperationRecord } from "../record.ts";
import { ROLE_LABEL, ROLES, logsName } from "./names.ts";

const secrets = { group: "", version: "v1", plural: "secrets" };
/** Bytes of log text that are kept of one operation. */
const MAX_LOGS = 256 * 1024;

interface LogRecord extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** What pods of an operation print may hold secrets: it is kept in one, which goes with the operation. */
export interface LogWrites {
  /** Adds log lines by their events' numbers; the oldest go where there are too many. */
  writeLogs(record: OperationRecord, lines: Readonly<Record<string, string>>): Promise<void>;
  readLogs(id: string): Promise<Readonly<Record<string, string>>>;
}

/** Makes the writes to the logs of a namespace's operations. */
export function createLogWrites(client: KubeClient, namespace: string): LogWrites {
  const reference = (name: string) => ({ resource: secrets, namespace, name });
  return {
    async writeLogs({ metadata: { name: id, uid } }, lines) {
      const name = logsName(id);
      const added = Object.fromEntries(
        Object.entries(lines).map(([n, text]) => [n, Buffer.from(text).toString("base64")]),
      );
      const found = await getObject<LogRecord>(client, reference(name));
      if (found !== undefined) {
        const data = bounded({ ...found.data, ...added });
        return void (await updateObject(client, reference(name), { ...found, data }));
      }
      const owner = { apiVersion: "berth.dev/v1alpha1", kind: "Operation", name: id, uid };
      const metadata = { name, labels: { [ROLE_LABEL]: ROLES.logs }, ownerReferences: [owner] };
      const body = { apiVersion: "v1", kind: "Secret", type: "berth.dev/logs", metadata, data: bounded(added) };
      await createObject(client, { resource: secrets, namespace }, body);
    },
    async readLogs(id) {
      const found = await getObject<LogRecord>(client, reference(logsName(id)));
      const entries = Object.entries(found?.data ?? {});
      return Object.fromEntries(entries.map(([n, text]) => [n, Buffer.from(text, "base64").toString()]));
    },
  };
}

/** Without the oldest lines, where all together are too long. */
function bounded(lines: Readonly<Record<string, string>>): Record<string, string> {
  const newest = Object.entries(lines).sort(([a], [b]) => Number(b) - Number(a));
  let size = 0;
  const kept = newest.filter(([, text]) => (size += text.length) <= (MAX_LOGS * 4) / 3);
  return Object.fromEntries(kept);
}
