import type { KubeClient } from "./client.ts";
import { isNotFound } from "./errors.ts";
import { collectionPath, metadataOnly, objectPath } from "./object.ts";
import type { KubeObject, ObjectReference, Resource } from "./object.ts";

/** What every helper takes beside its object. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; the client's own limit where absent. */
  readonly timeoutMs?: number | undefined;
}

/** What every helper that writes takes beside its object. */
export interface WriteOptions extends CallOptions {
  /** Has the API server check all it can and store nothing. */
  readonly dryRun?: boolean | undefined;
}

/** How an object is patched. */
export interface PatchOptions extends WriteOptions {
  /** Has the API server answer with the object's metadata alone: the object is large. */
  readonly isBrief?: boolean | undefined;
}

/** How an object is read. */
export interface GetOptions extends CallOptions {
  readonly maxBytes?: number | undefined;
  /** Has the API server answer with the object's metadata alone. */
  readonly isBrief?: boolean | undefined;
}

/** Reads an object; undefined where there is none. */
export async function getObject<T extends KubeObject>(
  client: KubeClient,
  reference: ObjectReference,
  { isBrief, ...options }: GetOptions = {},
): Promise<T | undefined> {
  try {
    const accept = isBrief === true ? metadataOnly("PartialObjectMetadata") : undefined;
    return await client.request<T>({ path: objectPath(reference), accept, ...options });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Creates an object as `body` says and gives it as stored. OBJECT_EXISTS where there is one. */
export function createObject<T extends KubeObject>(
  client: KubeClient,
  where: { readonly resource: Resource; readonly namespace?: string | undefined },
  body: object,
  { dryRun, ...options }: WriteOptions = {},
): Promise<T> {
  return client.request<T>({
    method: "POST",
    path: collectionPath(where.resource, where.namespace),
    query: queryOf(dryRun),
    body,
    ...options,
  });
}

/**
 * Replaces an object and gives it as stored. With `metadata.resourceVersion` in
 * the body it is written only where nobody wrote since: APPLY_CONFLICT.
 */
export function updateObject<T extends KubeObject>(
  client: KubeClient,
  reference: ObjectReference,
  body: object,
  { dryRun, ...options }: WriteOptions = {},
): Promise<T> {
  return client.request<T>({ method: "PUT", path: objectPath(reference), query: queryOf(dryRun), body, ...options });
}

/** Changes some fields of an object (RFC 7386; null takes one away) and gives it as stored; its metadata alone where so wished. */
export function patchObject<T extends KubeObject>(
  client: KubeClient,
  reference: ObjectReference,
  body: object,
  { dryRun, isBrief, ...options }: PatchOptions = {},
): Promise<T> {
  return client.request<T>({
    method: "PATCH",
    path: objectPath(reference),
    query: queryOf(dryRun),
    contentType: "application/merge-patch+json",
    accept: isBrief === true ? metadataOnly("PartialObjectMetadata") : undefined,
    body,
    ...options,
  });
}

function queryOf(dryRun = false): Readonly<Record<string, string>> {
  return dryRun ? { dryRun: "All" } : {};
}

/** How an object is applied. */
export interface ApplyOptions extends CallOptions {
  /** Who owns the fields. */
  readonly fieldManager: string;
  /** Takes fields from other managers; APPLY_CONFLICT otherwise. */
  readonly force?: boolean | undefined;
}

/**
 * Server-side apply: makes the object's fields as `body` says, the others stay,
 * and gives it as stored. `body` needs apiVersion and kind.
 */
export function applyObject<T extends KubeObject>(
  client: KubeClient,
  reference: ObjectReference,
  body: { readonly apiVersion: string; readonly kind: string },
  { fieldManager, force, ...options }: ApplyOptions,
): Promise<T> {
  return client.request<T>({
    method: "PATCH",
    path: objectPath(reference),
    query: { fieldManager, force: String(force ?? false), fieldValidation: "Strict" },
    contentType: "application/apply-patch+yaml",
    body,
    ...options,
  });
}

/** What a deletion takes care of. */
export interface DeleteOptions extends WriteOptions {
  /** Only where it is still this object. */
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly propagation?: "Background" | "Foreground" | "Orphan" | undefined;
}

/** Deletes an object; false where there was none. APPLY_CONFLICT where it is another one than asked for. */
export async function deleteObject(
  client: KubeClient,
  reference: ObjectReference,
  { uid, resourceVersion, propagation, dryRun, ...options }: DeleteOptions = {},
): Promise<boolean> {
  const body = {
    apiVersion: "v1",
    kind: "DeleteOptions",
    propagationPolicy: propagation ?? "Background",
    preconditions: { uid, resourceVersion },
    ...(dryRun === true ? { dryRun: ["All"] } : {}),
  };
  try {
    await client.request({ method: "DELETE", path: objectPath(reference), body, ...options });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
