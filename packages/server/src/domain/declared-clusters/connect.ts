import { BerthError } from "@berth/base";
import { getObject, loadInCluster, readKubeconfig } from "@berth/kube";
import type { ClusterConnection, KubeClient, KubeObject, PodEnvironment } from "@berth/kube";

import { secrets, toCredentials } from "./secret.ts";
import type { StoredSpec } from "./resource.ts";
import type { ClusterCredentials } from "./types.ts";

/** Where a cluster's credentials are looked for. */
export interface ConnectParts {
  readonly home: KubeClient;
  /** Berth's own, of which the Secrets are. */
  readonly namespace: string;
  readonly pod: PodEnvironment;
}

/** How a cluster is reached now, and the resourceVersion of the Secret that says so; empty where there is none. */
export interface Connecting {
  readonly connection: ClusterConnection;
  readonly secretVersion: string;
}

/**
 * Reads how a cluster is reached. SECRET_NOT_FOUND where the Secret it names is
 * not there; INVALID_ARGUMENT where what is in it is no way to reach a cluster.
 */
export async function connectionOf({ home, namespace, pod }: ConnectParts, spec: StoredSpec): Promise<Connecting> {
  const common = {
    ...(spec.proxyUrl === undefined ? {} : { proxyUrl: spec.proxyUrl }),
    ...(spec.tlsServerName === undefined ? {} : { tlsServerName: spec.tlsServerName }),
    ...(spec.insecureSkipTlsVerify === undefined ? {} : { insecureSkipTlsVerify: spec.insecureSkipTlsVerify }),
  };
  if (spec.inCluster === true) return { connection: { ...(await loadInCluster(pod)), ...common }, secretVersion: "" };
  const { credentials, version } = await readSecret(home, namespace, spec.secretRef?.name ?? "");
  check(spec, credentials);
  const { server = "", context } = spec;
  return { connection: await toConnection({ server, context }, credentials, common), secretVersion: version };
}

/** A connection by credentials that were checked; `named` goes before what a kubeconfig says. */
export async function toConnection(
  { server, context }: { readonly server: string; readonly context: string | undefined },
  { kubeconfig = "", ...rest }: ClusterCredentials,
  named: Partial<ClusterConnection>,
): Promise<ClusterConnection> {
  if (kubeconfig !== "") return { ...(await readKubeconfig(kubeconfig, context)), ...named };
  const given = Object.entries(rest).filter(([, text]) => text !== undefined && text !== "");
  return { server: server.replace(/\/+$/, ""), ...(Object.fromEntries(given) as object), ...named };
}

function check(spec: StoredSpec, { kubeconfig, token, clientCertificate, clientKey }: ClusterCredentials): void {
  if (kubeconfig !== undefined) {
    if (spec.server === undefined) return;
    throw invalid("spec.server", "The kubeconfig in the Secret names the server itself.");
  }
  if (spec.server === undefined) throw invalid("spec.server", "The Secret has no kubeconfig, and no server is named.");
  if (token === undefined && (clientCertificate ?? clientKey) === undefined) {
    throw invalid("spec.secretRef.name", "The Secret has neither a kubeconfig, nor a token, nor a client certificate.");
  }
  if ((clientCertificate === undefined) !== (clientKey === undefined)) {
    throw invalid(
      "spec.secretRef.name",
      "The Secret has a client certificate without its key, or the other way round.",
    );
  }
}

interface SecretObject extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

async function readSecret(home: KubeClient, namespace: string, name: string) {
  const secret = await getObject<SecretObject>(home, { resource: secrets, namespace, name });
  if (secret === undefined) {
    throw new BerthError("SECRET_NOT_FOUND", `There is no Secret "${name}" in Berth's namespace.`, {
      field: "spec.secretRef.name",
    });
  }
  return { credentials: toCredentials(secret.data ?? {}), version: secret.metadata.resourceVersion ?? "" };
}

function invalid(field: string, message: string): BerthError {
  return new BerthError("INVALID_ARGUMENT", message, { field, hint: "docs/clusters.md says what a cluster needs." });
}
