import { BerthError, asBerthError } from "@berth/base";
import { deleteObject, getObject, hasStatus, isNotFound, rewrite } from "@berth/kube";
import type { KubeClient, ObjectReference } from "@berth/kube";

import type { AskOptions } from "../command.ts";
import { unknownSource } from "../charts/index.ts";
import { chartSources } from "./resource.ts";
import type { SourceObject } from "./resource.ts";
import { secrets } from "./secret.ts";
import type { SourceName } from "./types.ts";

/** The object of a source. */
export function referenceTo({ namespace, name }: SourceName): ObjectReference {
  return { resource: chartSources, namespace, name };
}

/** Reads a source as it is stored now. */
export async function readSource(
  client: KubeClient,
  target: SourceName,
  options: AskOptions = {},
): Promise<SourceObject> {
  const source = await getObject<SourceObject>(client, referenceTo(target), options);
  if (source === undefined) throw unknownSource(target.name, "name");
  return source;
}

/** Reads a source and writes it by what is stored, again where its status was written in between. */
export async function rewriteSource(
  client: KubeClient,
  { target, expectedGeneration }: { readonly target: SourceName; readonly expectedGeneration?: number | undefined },
  write: (current: SourceObject) => Promise<SourceObject>,
): Promise<SourceObject> {
  const source = { what: "source", read: () => readSource(client, target), expectedGeneration };
  return rewrite(source, write).catch((error: unknown) => {
    throw explain(error, target);
  });
}

/** Removes a Secret if it belongs to the source; one that somebody else made stays. */
export async function dropSecret(client: KubeClient, source: SourceObject, name: string | undefined): Promise<void> {
  if (name === undefined) return;
  const reference = { resource: secrets, namespace: source.metadata.namespace, name };
  const secret = await getObject<SourceObject>(client, reference);
  const { ownerReferences = [], uid } = (secret?.metadata ?? {}) as {
    ownerReferences?: { uid: string }[];
    uid?: string;
  };
  if (ownerReferences.some((owner) => owner.uid === source.metadata.uid))
    await deleteObject(client, reference, { uid });
}

/** What the API server's refusal means to whoever asked. */
export function explain(error: unknown, { namespace, name }: SourceName): BerthError {
  const ours = asBerthError(error);
  const is = (code: string) => ours.details.reason === code;
  if (is("AlreadyExists")) {
    return new BerthError("CHART_SOURCE_EXISTS", `The namespace has a chart source "${name}" already.`, {
      field: "name",
    });
  }
  if (is("NotFound") && /^namespaces? /.test(ours.message)) {
    return new BerthError("NAMESPACE_NOT_FOUND", `There is no namespace "${namespace}".`, { field: "namespace" });
  }
  if (isNotFound(ours)) return unknownSource(name, "name");
  if (hasStatus(ours, 422)) return new BerthError("INVALID_ARGUMENT", ours.message, { cause: ours });
  return ours;
}
