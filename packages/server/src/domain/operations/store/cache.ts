import type { Clock, Logger } from "@berth/base";
import { createInformer } from "@berth/kube";
import type { Informer, KubeClient, KubeObject } from "@berth/kube";

import type { Watch } from "../../clusters/index.ts";
import type { ReleaseTarget } from "../../command.ts";
import { hasEnded, operations, toRecord } from "../record.ts";
import type { OperationRecord } from "../record.ts";
import { DROPPED_LABEL, ROLE_LABEL, ROLES } from "./names.ts";

/** The queue of a release: its operations in the order in which they were asked. */
export interface QueueRecord {
  readonly name: string;
  /** The object as it is stored. */
  readonly object: KubeObject;
  readonly operations: readonly string[];
}

/** A replica's Lease, as far as others look at it. */
export interface ReplicaRecord {
  readonly name: string;
  readonly version: string;
  /** False once it was given back. */
  readonly isHeld: boolean;
  readonly durationMs: number;
}

/** A payload's Secret, as far as its metadata tell. */
export interface PayloadFacts {
  readonly name: string;
  readonly createTime: string;
  /** False once the request is forgotten and only the key stands. */
  readonly isFull: boolean;
}

/** What is watched of Berth's home: every replica knows all of it. */
export interface HomeCache {
  readonly operations: Informer<OperationRecord>;
  readonly queues: Informer<QueueRecord>;
  readonly replicas: Informer<ReplicaRecord>;
  readonly payloads: Informer<PayloadFacts>;
  start(): void;
  stop(): Promise<void>;
  /** Its watches, for whoever measures. */
  watches(): readonly Watch[];
  /** Whether all lists are complete, and if not, why. */
  ready(): { readonly ok: boolean; readonly reason: string };
  /** An operation, as new as this process knows it. */
  operation(id: string): OperationRecord | undefined;
  /** All of them, likewise. */
  all(): readonly OperationRecord[];
  /** Takes an ending that was written here, until the watch tells of it: who was answered it reads it again. */
  learn(ended: OperationRecord): void;
  /** Operations of a release that have not ended, as far as is known. */
  openOf(target: ReleaseTarget): readonly OperationRecord[];
  queue(name: string): QueueRecord | undefined;
  payload(name: string): PayloadFacts | undefined;
}

/** Makes the cache of a home namespace. */
export function createHomeCache(parts: {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly log: Logger;
  readonly clock: Clock;
}): HomeCache {
  const { namespace } = parts;
  const labelled = (role: string) => `${ROLE_LABEL}=${role}`;
  const records = createInformer<OperationRecord>({
    ...parts,
    resource: operations,
    transform: toRecord,
    indexes: {
      open: (record) => (hasEnded(record) ? [] : openKeys(record)),
      replica: (record) => (hasEnded(record) ? [] : [record.status?.replica ?? ""]),
    },
  });
  const queues = createInformer<QueueRecord>({
    ...parts,
    resource: { group: "", version: "v1", plural: "configmaps" },
    labelSelector: labelled(ROLES.queue),
    transform: toQueue,
  });
  const replicas = createInformer<ReplicaRecord>({
    ...parts,
    resource: { group: "coordination.k8s.io", version: "v1", plural: "leases" },
    labelSelector: labelled(ROLES.replica),
    transform: toReplica,
  });
  const payloads = createInformer<PayloadFacts>({
    ...parts,
    resource: { group: "", version: "v1", plural: "secrets" },
    labelSelector: labelled(ROLES.payload),
    metadataOnly: true,
    transform: toPayloadFacts,
  });
  const all: readonly Pick<Informer<never>, "start" | "stop" | "hasSynced" | "state">[] = [
    records,
    queues,
    replicas,
    payloads,
  ];
  const key = (name: string) => `${namespace}/${name}`;
  const { newer, ...overlay } = createOverlay(records, key);
  return {
    ...{ operations: records, queues, replicas, payloads },
    watches: () => [
      { name: "operations", informer: records },
      { name: "operation-queues", informer: queues },
      { name: "replicas", informer: replicas },
      { name: "operation-payloads", informer: payloads },
    ],
    start: () => all.forEach((informer) => informer.start()),
    stop: async () => void (await Promise.all(all.map((informer) => informer.stop()))),
    ready: () =>
      all.every((informer) => informer.hasSynced())
        ? { ok: true, reason: "" }
        : { ok: false, reason: all.map((informer) => informer.state().name).join(", ") },
    ...overlay,
    openOf: (target) => records.byIndex("open", releaseKey(target)).filter((record) => !hasEnded(newer(record))),
    queue: (name) => queues.get(key(name)),
    payload: (name) => payloads.get(key(name)),
  };
}

function openKeys({ spec }: OperationRecord): string[] {
  const { principal, target } = spec.request;
  return ["all", `tenant ${principal.name}`, releaseKey(target)];
}

function releaseKey({ cluster, namespace, name }: ReleaseTarget): string {
  return `release ${cluster}/${namespace}/${name}`;
}

function createOverlay(records: Informer<OperationRecord>, key: (name: string) => string) {
  const learnt = new Map<string, OperationRecord>();
  records.onChange((change) => {
    if (change.type === "deleted") learnt.delete(change.previous.metadata.name);
    else if (hasEnded(change.object)) learnt.delete(change.object.metadata.name);
  });
  const newer = (record: OperationRecord) => learnt.get(record.metadata.name) ?? record;
  return {
    newer,
    operation(id: string) {
      const known = records.get(key(id));
      return known === undefined ? learnt.get(id) : newer(known);
    },
    all: () => records.list().map(newer),
    learn(ended: OperationRecord) {
      const known = records.get(key(ended.metadata.name));
      if (known === undefined || !hasEnded(known)) learnt.set(ended.metadata.name, ended);
    },
  };
}

/** Operations of a queue's text. */
export function toQueue(object: KubeObject): QueueRecord {
  const { data = {} } = object as KubeObject & { data?: Readonly<Record<string, string>> };
  const text = data.operations ?? "";
  const { managedFields: _, ...metadata } = object.metadata;
  return { name: metadata.name, object: { ...object, metadata }, operations: text === "" ? [] : text.split("\n") };
}

/** A Lease as others look at it. */
export function toReplica(object: KubeObject): ReplicaRecord {
  const { spec } = object as KubeObject & { spec?: { holderIdentity?: string; leaseDurationSeconds?: number } };
  return {
    name: object.metadata.name,
    version: object.metadata.resourceVersion ?? "",
    isHeld: (spec?.holderIdentity ?? "") !== "",
    durationMs: (spec?.leaseDurationSeconds ?? 0) * 1000,
  };
}

function toPayloadFacts({ metadata }: KubeObject): PayloadFacts {
  const { creationTimestamp = "" } = metadata as { creationTimestamp?: string };
  return {
    name: metadata.name,
    createTime: creationTimestamp,
    isFull: metadata.labels?.[DROPPED_LABEL] === undefined,
  };
}
