import { boundText } from "@berth/base";
import type { ObjectName } from "@berth/base";
import type { KubeObject } from "@berth/kube";

import { healthOf } from "./health.ts";
import { groupOf } from "./kinds.ts";
import type { WorkloadKind } from "./kinds.ts";
import { podState } from "./pod-state.ts";
import type { PodState, ReleaseEvent } from "./types.ts";

/** What is kept of an object of a watch. */
export interface LiveObject {
  readonly object: ObjectName;
  readonly uid: string;
  readonly owners: readonly { readonly key: string; readonly uid: string }[];
  readonly status: string;
  readonly reason: string;
  readonly createTime: Date | undefined;
  readonly pod: PodState | undefined;
}

/** Names an object among all of a cluster; of whatever version. */
export function nodeKey({ apiVersion, kind, namespace, name }: ObjectName): string {
  return `${groupOf(apiVersion)}/${kind}/${namespace}/${name}`;
}

/** The key by which an owner's dependants are found: their ownerReference names no namespace. */
export function ownerKey({ apiVersion, kind, name }: Pick<ObjectName, "apiVersion" | "kind" | "name">): string {
  return `${groupOf(apiVersion)}/${kind}/${name}`;
}

/** Keeps of a workload what a tree shows. */
export function toLive({ kind, apiVersion }: WorkloadKind, object: KubeObject): LiveObject {
  const { name, namespace = "", uid = "", ownerReferences = [], creationTimestamp } = object.metadata;
  return {
    object: { apiVersion, kind, namespace, name },
    uid,
    owners: ownerReferences.map((one) => ({ key: ownerKey(one), uid: one.uid })),
    ...healthOf(kind, object),
    createTime: toDate(creationTimestamp),
    pod: kind === "Pod" ? podState(object) : undefined,
  };
}

/** Keeps of an object of a manifest that it is there: its state the engine tells. */
export function toPresence(
  { apiVersion, kind }: Pick<ObjectName, "apiVersion" | "kind">,
  { metadata }: KubeObject,
): LiveObject {
  const { name, namespace = "", uid = "", creationTimestamp } = metadata;
  return {
    ...{ object: { apiVersion, kind, namespace, name }, uid, owners: [], status: "", reason: "" },
    ...{ createTime: toDate(creationTimestamp), pod: undefined },
  };
}

/** An Event of the core group, as far as it is looked at. */
interface EventObject extends KubeObject {
  readonly involvedObject?: Partial<ObjectName> & { readonly fieldPath?: string };
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly firstTimestamp?: string | null;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string };
  readonly source?: { readonly component?: string };
  readonly reportingComponent?: string;
}

/** An Event in our words; both of Kubernetes' ways to write one. */
export function toEvent(object: KubeObject): ReleaseEvent {
  const event = object as EventObject;
  const { apiVersion = "", kind = "", namespace = "", name = "", fieldPath = "" } = event.involvedObject ?? {};
  const first = event.firstTimestamp ?? event.eventTime ?? object.metadata.creationTimestamp;
  return {
    ...{ namespace: object.metadata.namespace ?? "", name: object.metadata.name, fieldPath },
    object: { apiVersion, kind, namespace, name },
    ...{ type: event.type ?? "", reason: boundText(event.reason ?? "", 200), message: boundText(event.message ?? "") },
    count: event.series?.count ?? event.count ?? 1,
    firstTime: toDate(first),
    lastTime: toDate(event.series?.lastObservedTime ?? event.lastTimestamp ?? first),
    source: (event.reportingComponent || event.source?.component) ?? "",
  };
}

function toDate(text: string | null | undefined): Date | undefined {
  const time = text === undefined || text === null ? NaN : Date.parse(text);
  return Number.isNaN(time) ? undefined : new Date(time);
}
