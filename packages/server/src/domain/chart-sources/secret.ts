import { BerthError } from "@berth/base";
import { getObject } from "@berth/kube";
import type { KubeClient, KubeObject, Resource } from "@berth/kube";

import type { AskOptions } from "../command.ts";
import type { SourceCredentials, SourceName } from "./types.ts";
import { API_VERSION, KIND } from "./resource.ts";

export const secrets: Resource = { group: "", version: "v1", plural: "secrets" };

/** Keys of the Secret: Kubernetes' own of its types basic-auth and tls, and one of ours. */
const KEYS = {
  username: "username",
  password: "password",
  bearerToken: "bearerToken",
  certificateAuthority: "ca.crt",
  clientCertificate: "tls.crt",
  clientKey: "tls.key",
} as const satisfies Record<keyof SourceCredentials, string>;

/** A Secret, as far as it is used. */
export interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** Credentials as they are now, and the resourceVersion of the Secret they stand in; empty where there is none. */
export interface ReadCredentials {
  readonly credentials: SourceCredentials;
  readonly version: string;
}

/** Reads the credentials of a source. SECRET_NOT_FOUND where the Secret it names is not there. */
export async function readCredentials(
  client: KubeClient,
  namespace: string,
  name: string | undefined,
  options: AskOptions = {},
): Promise<ReadCredentials> {
  if (name === undefined) return { credentials: {}, version: "" };
  const secret = await getObject<SecretObject>(client, { resource: secrets, namespace, name }, options);
  if (secret === undefined) {
    throw new BerthError("SECRET_NOT_FOUND", `There is no Secret "${name}" in the source's namespace.`, {
      field: "spec.secretRef.name",
    });
  }
  const { data = {} } = secret;
  const given = Object.entries(KEYS).flatMap(([field, key]) => {
    const text = Buffer.from(data[key] ?? "", "base64").toString("utf8");
    // Whoever makes a Secret out of a file has the file's last line feed in it.
    return text === "" ? [] : [[field, text.replace(/\r?\n$/, "")]];
  });
  return {
    credentials: Object.fromEntries(given) as SourceCredentials,
    version: secret.metadata.resourceVersion ?? "",
  };
}

/** The Secret of a source's credentials, which goes with the source. */
export function makeSecret(
  name: string,
  source: SourceName & { readonly uid: string },
  credentials: SourceCredentials,
): object {
  const data = Object.entries(KEYS).flatMap(([field, key]) => {
    const text = credentials[field as keyof SourceCredentials] ?? "";
    return text === "" ? [] : [[key, Buffer.from(text).toString("base64")]];
  });
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name,
      namespace: source.namespace,
      labels: { "app.kubernetes.io/managed-by": "berth", "berth.dev/chart-source": source.name },
      ownerReferences: [{ apiVersion: API_VERSION, kind: KIND, name: source.name, uid: source.uid, controller: true }],
    },
    type: "Opaque",
    data: Object.fromEntries(data) as Record<string, string>,
  };
}
