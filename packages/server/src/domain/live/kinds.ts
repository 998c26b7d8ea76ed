import type { ObjectName } from "@berth/base";
import type { Resource } from "@berth/kube";

/** A kind whose objects own others, or are owned. */
export interface WorkloadKind {
  readonly kind: string;
  readonly apiVersion: string;
  readonly resource: Resource;
  /** Kinds that its objects make. */
  readonly makes: readonly string[];
}

const apps = (kind: string, plural: string, makes: readonly string[]): WorkloadKind => ({
  ...{ kind, apiVersion: "apps/v1", makes },
  resource: { group: "apps", version: "v1", plural },
});
const batch = (kind: string, plural: string, makes: readonly string[]): WorkloadKind => ({
  ...{ kind, apiVersion: "batch/v1", makes },
  resource: { group: "batch", version: "v1", plural },
});
const core = (kind: string, plural: string, makes: readonly string[]): WorkloadKind => ({
  ...{ kind, apiVersion: "v1", makes },
  resource: { group: "", version: "v1", plural },
});

/** The kinds between a release's objects and its pods. */
const WORKLOADS: readonly WorkloadKind[] = [
  apps("Deployment", "deployments", ["ReplicaSet"]),
  apps("StatefulSet", "statefulsets", ["Pod"]),
  apps("DaemonSet", "daemonsets", ["Pod"]),
  batch("CronJob", "cronjobs", ["Job"]),
  batch("Job", "jobs", ["Pod"]),
  apps("ReplicaSet", "replicasets", ["Pod"]),
  core("ReplicationController", "replicationcontrollers", ["Pod"]),
  core("Pod", "pods", []),
];

/** Where events are. */
export const EVENTS: Resource = { group: "", version: "v1", plural: "events" };

/** Groups of Kubernetes' own, whose other kinds own none of these. */
const KUBERNETES = /^(apps|batch|autoscaling|policy|extensions|.+\.k8s\.io)$/;

/** The kind of an object, where it is one of these. */
export function workloadOf({ apiVersion, kind }: Pick<ObjectName, "apiVersion" | "kind">): WorkloadKind | undefined {
  return WORKLOADS.find((one) => one.kind === kind && one.apiVersion === apiVersion);
}

/** The group of an apiVersion; empty for the core group. */
export function groupOf(apiVersion: string): string {
  return apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
}

/** What has to be looked at for an object and all it owns. An operator's object may own any of them. */
export function neededFor(object: ObjectName): readonly WorkloadKind[] {
  const group = groupOf(object.apiVersion);
  if (group !== "" && !KUBERNETES.test(group)) return WORKLOADS;
  const found = workloadOf(object);
  return found === undefined ? [] : withMade(found);
}

function withMade(kind: WorkloadKind): readonly WorkloadKind[] {
  const made = WORKLOADS.filter((one) => kind.makes.includes(one.kind));
  return [kind, ...made.flatMap(withMade)];
}
