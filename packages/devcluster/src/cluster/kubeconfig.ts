import { join } from "node:path";

import { stringify } from "yaml";

import { writeOwn } from "../files.ts";
import type { ClusterPki, ClusterUser } from "../pki/cluster-pki.ts";

const NAME = "berth-devcluster";

/** Writes a kubeconfig that holds all it needs, and gives its path. */
export async function writeKubeconfig(
  pki: ClusterPki,
  user: ClusterUser,
  server: string,
  path: string,
): Promise<string> {
  const { cert, key } = pki.users[user];
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: NAME, cluster: { server, "certificate-authority-data": base64(pki.authority.cert) } }],
    users: [{ name: user, user: { "client-certificate-data": base64(cert), "client-key-data": base64(key) } }],
    contexts: [{ name: NAME, context: { cluster: NAME, user } }],
    "current-context": NAME,
  };
  await writeOwn(path, stringify(config, { lineWidth: 0 }));
  return path;
}

/** Path of the kubeconfig of one of the cluster's own parts. */
export function partKubeconfig(pki: ClusterPki, user: ClusterUser): string {
  return join(pki.directory, `${user}.kubeconfig`);
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
