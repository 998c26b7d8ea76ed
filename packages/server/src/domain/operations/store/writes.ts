import { createObject, deleteObject, getObject, isConflict } from "@berth/kube";
import type { KubeClient, KubeObject } from "@berth/kube";

import type { AskOptions } from "../../command.ts";
import { operations, toRecord } from "../record.ts";
import type { OperationRecord, StoredRequest, StoredStatus } from "../record.ts";
import type { PayloadData } from "../payload.ts";
import { createLogWrites } from "./log-writes.ts";
import type { LogWrites } from "./log-writes.ts";
import { DROPPED_LABEL, ROLE_LABEL, ROLES } from "./names.ts";
import { createQueueWrites } from "./queue-writes.ts";
import type { QueueWrites } from "./queue-writes.ts";

const secrets = { group: "", version: "v1", plural: "secrets" };

/** A payload's Secret: the command, and what its operation is to be, so that anybody can make it. */
export interface PayloadRecord extends KubeObject {
  readonly data?: PayloadData;
}

/** Everything that is written to Berth's home. */
export interface HomeWrites extends QueueWrites, LogWrites {
  /** Makes the Secret of a payload. OBJECT_EXISTS where its name is taken. */
  createPayload(name: string, id: string, request: StoredRequest, payload: PayloadData): Promise<void>;
  readPayload(name: string): Promise<PayloadRecord | undefined>;
  /** Forgets the request; of a keyed one the key stays. */
  dropPayload(request: StoredRequest): Promise<void>;
  deletePayload(record: PayloadRecord): Promise<void>;
  /** Makes the operation, or gives the one that is there. */
  createOperation(id: string, request: StoredRequest): Promise<OperationRecord>;
  readOperation(id: string, options?: AskOptions): Promise<OperationRecord | undefined>;
  /** Writes the status where nobody wrote since. APPLY_CONFLICT otherwise. */
  writeStatus(record: OperationRecord, status: StoredStatus): Promise<OperationRecord>;
  /** Asks for the end of an operation; once. */
  askCancel(id: string, by: string, time: string): Promise<OperationRecord>;
  deleteOperation(record: OperationRecord): Promise<void>;
  /** Deletes the Lease of a replica that is long gone, where it is the version that was seen. */
  deleteLease(name: string, resourceVersion: string): Promise<void>;
}

/** Makes the writes to a home namespace. */
export function createHomeWrites(
  client: KubeClient,
  namespace: string,
  knownQueue: (queue: string) => KubeObject | undefined,
): HomeWrites {
  const operation = (id: string) => ({ resource: operations, namespace, name: id });
  const secret = (name: string) => ({ resource: secrets, namespace, name });
  const statusPath = (id: string) => `/apis/berth.dev/v1alpha1/namespaces/${namespace}/operations/${id}/status`;
  return {
    ...createQueueWrites(client, namespace, knownQueue),
    ...createLogWrites(client, namespace),
    async createPayload(name, id, request, payload) {
      const labels = { [ROLE_LABEL]: ROLES.payload, "berth.dev/operation": id };
      const stored = encode(request);
      const body = { apiVersion: "v1", kind: "Secret", type: "berth.dev/operation", metadata: { name, labels } };
      await createObject(client, { resource: secrets, namespace }, { ...body, data: { ...payload, request: stored } });
    },
    readPayload: (name) => getObject<PayloadRecord>(client, secret(name)),
    async dropPayload(request) {
      if (!request.idempotent) return void (await deleteObject(client, secret(request.payload)));
      const body = [
        { op: "add", path: "/data", value: { request: encode(request) } },
        { op: "add", path: `/metadata/labels/${DROPPED_LABEL.replace("/", "~1")}`, value: "true" },
      ];
      const path = `/api/v1/namespaces/${namespace}/secrets/${request.payload}`;
      await client.request({ method: "PATCH", path, body, contentType: "application/json-patch+json" });
    },
    async deletePayload({ metadata }) {
      const { name, uid, resourceVersion } = metadata;
      await deleteObject(client, secret(name), { uid, resourceVersion });
    },
    async createOperation(id, request) {
      const body = { apiVersion: "berth.dev/v1alpha1", kind: "Operation", metadata: { name: id }, spec: { request } };
      try {
        return toRecord(await createObject(client, { resource: operations, namespace }, body));
      } catch (error) {
        const found = isConflict(error) ? await getObject<OperationRecord>(client, operation(id)) : undefined;
        if (found === undefined) throw error;
        return found;
      }
    },
    readOperation: (id, options) => getObject<OperationRecord>(client, operation(id), options),
    async writeStatus(record, status) {
      const body = { ...record, apiVersion: "berth.dev/v1alpha1", kind: "Operation", status };
      return toRecord(await client.request({ method: "PUT", path: statusPath(record.metadata.name), body }));
    },
    askCancel(id, by, time) {
      const path = `/apis/berth.dev/v1alpha1/namespaces/${namespace}/operations/${id}`;
      const body = { spec: { cancel: { by, time } } };
      return client.request<OperationRecord>({
        ...{ method: "PATCH", path, body },
        contentType: "application/merge-patch+json",
      });
    },
    async deleteLease(name, resourceVersion) {
      const resource = { group: "coordination.k8s.io", version: "v1", plural: "leases" };
      await deleteObject(client, { resource, namespace, name }, { resourceVersion });
    },
    async deleteOperation({ metadata }) {
      const { name, uid, resourceVersion } = metadata;
      await deleteObject(client, operation(name), { uid, resourceVersion });
    },
  };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64");
}
