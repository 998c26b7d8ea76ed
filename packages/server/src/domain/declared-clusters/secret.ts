import { randomBytes } from "node:crypto";

import { createObject, deleteObject, getObject } from "@berth/kube";
import type { KubeClient, KubeObject, Resource } from "@berth/kube";

import { SECRET_LABEL } from "./resource.ts";
import type { ClusterCredentials } from "./types.ts";

export const secrets: Resource = { group: "", version: "v1", plural: "secrets" };

/** Keys of the Secret: Kubernetes' own of ServiceAccounts' tokens and of its type tls, and the usual one of a kubeconfig. */
const KEYS = {
  kubeconfig: "kubeconfig",
  token: "token",
  certificateAuthority: "ca.crt",
  clientCertificate: "tls.crt",
  clientKey: "tls.key",
} as const satisfies Record<keyof ClusterCredentials, string>;

/** A name for a cluster's Secret. Each change of the credentials is a new Secret, so that it takes effect at once or not. */
export function newSecretName(cluster: string): string {
  return `cluster-${cluster}-${randomBytes(4).toString("hex")}`;
}

/** What stands in the data of a Secret; what is empty is not there. */
export function toCredentials(data: Readonly<Record<string, string>>): ClusterCredentials {
  const given = Object.entries(KEYS).flatMap(([field, key]) => {
    const text = Buffer.from(data[key] ?? "", "base64").toString("utf8");
    // Whoever makes a Secret out of a file has the file's last line feed in it.
    return text === "" ? [] : [[field, key === KEYS.token ? text.trim() : text]];
  });
  return Object.fromEntries(given) as ClusterCredentials;
}

/** Stores credentials in a new Secret. */
export async function storeCredentials(
  client: KubeClient,
  { namespace, name, cluster }: { readonly namespace: string; readonly name: string; readonly cluster: string },
  credentials: ClusterCredentials,
): Promise<void> {
  const data = Object.entries(KEYS).flatMap(([field, key]) => {
    const text = credentials[field as keyof ClusterCredentials] ?? "";
    return text === "" ? [] : [[key, Buffer.from(text).toString("base64")]];
  });
  await createObject(
    client,
    { resource: secrets, namespace },
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name, namespace, labels: { "app.kubernetes.io/managed-by": "berth", [SECRET_LABEL]: cluster } },
      type: "Opaque",
      data: Object.fromEntries(data) as Record<string, string>,
    },
  );
}

/** Removes a Secret if Berth has made it for the cluster; any other stays. */
export async function dropSecret(
  client: KubeClient,
  { namespace, name, cluster }: { readonly namespace: string; readonly name: string; readonly cluster: string },
): Promise<void> {
  const reference = { resource: secrets, namespace, name };
  const secret = await getObject<KubeObject>(client, reference);
  const { labels = {}, uid } = secret?.metadata ?? {};
  if (secret !== undefined && labels[SECRET_LABEL] === cluster) await deleteObject(client, reference, { uid });
}
