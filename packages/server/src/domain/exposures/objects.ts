import { BerthError, asBerthError } from "@berth/base";
import { hasStatus, isConflict, isNotFound, patchObject, updateObject } from "@berth/kube";
import type { KubeClient, KubeObject, ObjectReference } from "@berth/kube";

import { isSameStatus } from "./conditions.ts";
import { FINALIZER } from "./resource.ts";

/** Writes a status over just the version that was read, and gives the object as stored; writes nothing where it says so already. */
export async function writeStatus<T extends KubeObject & { readonly status?: object }>(
  client: KubeClient,
  reference: ObjectReference,
  object: T,
  status: NonNullable<T["status"]>,
): Promise<T> {
  if (isSameStatus(object.status, status)) return object;
  return updateObject<T>(client, { ...reference, subresource: "status" }, { ...object, status });
}

/** Makes sure that an object stays until its ports are free. */
export async function addFinalizer<T extends KubeObject>(
  client: KubeClient,
  reference: ObjectReference,
  object: T,
): Promise<T> {
  const { finalizers = [], resourceVersion } = object.metadata;
  if (finalizers.includes(FINALIZER)) return object;
  return patchObject<T>(client, reference, { metadata: { resourceVersion, finalizers: [...finalizers, FINALIZER] } });
}

/** Lets an object go. */
export async function dropFinalizer(client: KubeClient, reference: ObjectReference, object: KubeObject): Promise<void> {
  const { finalizers = [], resourceVersion } = object.metadata;
  if (!finalizers.includes(FINALIZER)) return;
  const rest = finalizers.filter((one) => one !== FINALIZER);
  await patchObject(client, reference, { metadata: { resourceVersion, finalizers: rest } }).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}

/** Whether a write came too late: the object is another by now, and a watch tells of it. */
export function isOvertaken(error: unknown): boolean {
  return isConflict(error) || isNotFound(error);
}

/** What the API server's refusal of an object means to whoever asked for it. */
export function explain(
  error: unknown,
  kind: "EXPOSURE" | "POOL" | "ADDRESS",
  name: string,
  namespace = "",
): BerthError {
  const ours = asBerthError(error);
  const noun = kind === "POOL" ? "pool" : kind.toLowerCase();
  if (ours.details.reason === "AlreadyExists") {
    return new BerthError(`${kind}_EXISTS`, `There is ${noun === "pool" ? "a" : "an"} ${noun} "${name}" already.`, {
      field: "name",
    });
  }
  if (ours.details.reason === "NotFound" && /^namespaces? /.test(ours.message)) {
    return new BerthError("NAMESPACE_NOT_FOUND", `There is no namespace "${namespace}".`, { field: "namespace" });
  }
  if (isNotFound(ours)) return unknown(kind, name);
  if (hasStatus(ours, 422)) return new BerthError("INVALID_ARGUMENT", ours.message, { cause: ours });
  return ours;
}

/** There is none of that name. */
export function unknown(kind: "EXPOSURE" | "POOL" | "ADDRESS", name: string): BerthError {
  return new BerthError(
    `${kind}_NOT_FOUND`,
    `There is no ${kind === "POOL" ? "pool" : kind.toLowerCase()} "${name}".`,
    {
      field: kind === "POOL" ? "pool" : "name",
    },
  );
}
