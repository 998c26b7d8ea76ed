import type { ObjectMetadata } from "@berth/kube";

/** Where Helm keeps a revision. */
export type StorageKind = "secrets" | "configmaps";

/** What the watch cache keeps of one stored revision: from metadata alone. */
export interface StoredRevision {
  readonly storage: StorageKind;
  readonly namespace: string;
  /** Name of the Secret or ConfigMap. */
  readonly objectName: string;
  readonly resourceVersion: string;
  readonly name: string;
  readonly revision: number;
  readonly status: string;
  /** The caller's labels. */
  readonly labels: Readonly<Record<string, string>>;
  readonly operationId: string;
  /** When it was last written, by the API server's clock; 0 where that is not known. */
  readonly changedAt: number;
}

/** Labels that Helm sets itself. */
const HELM_LABELS = new Set(["name", "owner", "status", "version", "createdAt", "modifiedAt"]);

/** Reads a stored revision from its object's metadata; undefined where it is none of Helm's. */
export function toStoredRevision(storage: StorageKind, metadata: ObjectMetadata): StoredRevision | undefined {
  const all = metadata.labels ?? {};
  const revision = Number(all.version);
  const name = all.name ?? "";
  if (all.owner !== "helm" || name === "" || !Number.isSafeInteger(revision) || revision < 1) return undefined;
  const own = Object.entries(all).filter(([key]) => !HELM_LABELS.has(key) && !key.startsWith("berth.dev/"));
  return {
    storage,
    namespace: metadata.namespace ?? "",
    objectName: metadata.name,
    resourceVersion: metadata.resourceVersion ?? "",
    name,
    revision,
    status: all.status ?? "unknown",
    labels: Object.fromEntries(own),
    operationId: all["berth.dev/operation"] ?? "",
    changedAt: changedAt(metadata),
  };
}

/** The last write that some manager of its fields has made. */
function changedAt({ creationTimestamp, managedFields = [] }: ObjectMetadata): number {
  const times = [creationTimestamp, ...managedFields.map(({ time }) => time)].map((time) => Date.parse(time ?? ""));
  return Math.max(0, ...times.filter((time) => !Number.isNaN(time)));
}
