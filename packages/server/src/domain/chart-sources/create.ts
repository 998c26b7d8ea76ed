import { randomBytes } from "node:crypto";

import { createObject, deleteObject } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { formatDuration } from "./duration.ts";
import { explain, referenceTo } from "./objects.ts";
import { API_VERSION, KIND, chartSources, toSpec } from "./resource.ts";
import type { SourceObject } from "./resource.ts";
import { makeSecret, secrets } from "./secret.ts";
import type { CreateSource, SourceCredentials, SourceName } from "./types.ts";

/**
 * Makes a source, and then its Secret, which belongs to it: whatever ends this
 * in the middle, no Secret is left over.
 */
export async function createSource(
  client: KubeClient,
  { target, settings, credentials, dryRun }: CreateSource,
): Promise<SourceObject> {
  const { namespace, name } = target;
  const secretName = credentials === undefined ? "" : newSecretName(name);
  const body = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { namespace, name },
    spec: toSpec(settings, formatDuration(settings.refreshIntervalMs), secretName),
  };
  const source = await createObject<SourceObject>(client, { resource: chartSources, namespace }, body, {
    dryRun,
  }).catch((error: unknown) => {
    throw explain(error, target);
  });
  if (credentials === undefined || dryRun) return source;
  try {
    await storeCredentials(client, source, secretName, credentials);
  } catch (error) {
    await deleteObject(client, referenceTo(target), { uid: source.metadata.uid });
    throw error;
  }
  return source;
}

/** A name for a source's Secret. Each change of the credentials is a new Secret, so that it takes effect at once or not. */
export function newSecretName(source: string): string {
  return `${source}-credentials-${randomBytes(4).toString("hex")}`;
}

/** Stores credentials in a new Secret that belongs to the source. */
export async function storeCredentials(
  client: KubeClient,
  source: SourceObject,
  name: string,
  credentials: SourceCredentials,
): Promise<void> {
  const { namespace = "", uid = "" } = source.metadata;
  const owner: SourceName & { uid: string } = { namespace, name: source.metadata.name, uid };
  await createObject(client, { resource: secrets, namespace }, makeSecret(name, owner, credentials));
}
