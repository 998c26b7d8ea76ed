import { isIPv6 } from "node:net";
import { join } from "node:path";

import type { ClusterConnection } from "./connection.ts";
import { refuse } from "./kubeconfig-schema.ts";
import { readTextFile } from "./text-file.ts";

/** Where Kubernetes puts a pod's ServiceAccount. */
const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** What a pod knows about its cluster. */
export interface PodEnvironment {
  /** KUBERNETES_SERVICE_HOST. */
  readonly host: string | undefined;
  /** KUBERNETES_SERVICE_PORT. */
  readonly port: string | undefined;
  /** Directory of `token` and `ca.crt`; Kubernetes' own where absent. */
  readonly directory?: string;
}

/** The connection of a pod to its own cluster, as its ServiceAccount. INVALID_ARGUMENT outside a pod. */
export async function loadInCluster({ host, port, directory }: PodEnvironment): Promise<ClusterConnection> {
  if (host === undefined || port === undefined) {
    throw refuse("This is not a pod of a cluster.", "Name a kubeconfig.");
  }
  const files = directory ?? SERVICE_ACCOUNT;
  const tokenFile = join(files, "token");
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    certificateAuthority: await readTextFile(join(files, "ca.crt"), "certificate-authority"),
    token: (await readTextFile(tokenFile, "token")).trim(),
    tokenFile,
  };
}
