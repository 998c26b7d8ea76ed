/** Metadata of an object, as far as Berth uses it. */
export interface ObjectMetadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly creationTimestamp?: string;
  /** RFC 3339; set once its deletion was asked for. */
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  /** Whose end is its end, too. */
  readonly ownerReferences?: readonly {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
    readonly controller?: boolean;
    readonly blockOwnerDeletion?: boolean;
  }[];
  /** Who has written which fields, and when last. */
  readonly managedFields?: readonly ManagedFields[];
}

/** What one manager has written. */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly time?: string;
}

/** An object of the API. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMetadata;
}

/** A resource of the API; `group` is empty for the core group. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

/** Names one object; no `namespace` for a cluster-scoped one. */
export interface ObjectReference {
  readonly resource: Resource;
  readonly namespace?: string | undefined;
  readonly name: string;
  /** Part of the object that is written apart, such as `status`. */
  readonly subresource?: string | undefined;
}

/** What is to be accepted where an object's metadata alone is asked for; or those of a list. */
export function metadataOnly(kind: "PartialObjectMetadata" | "PartialObjectMetadataList"): string {
  return `application/json;as=${kind};g=meta.k8s.io;v=v1`;
}

/** Path of a resource's collection, in one namespace or over all. */
export function collectionPath({ group, version, plural }: Resource, namespace?: string): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}${namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`}/${plural}`;
}

/** Path of one object, or of a part of it. */
export function objectPath({ resource, namespace, name, subresource }: ObjectReference): string {
  const path = `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** Key of an object in caches and queues: `namespace/name`, or `name` for a cluster-scoped one. */
export function keyOf({ metadata }: KubeObject): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}
