import { join } from "node:path";

import { ownDirectory, readIfThere, writeOwn } from "../files.ts";
import { createAuthority, issue } from "./authority.ts";
import type { CertificateRequest, KeyPairPem } from "./authority.ts";
import { NODE_ADDRESS, REAL_NODE } from "../node/places.ts";
import { generateKeys, privatePem, publicPem } from "./keys.ts";

const loopback = ["127.0.0.1", "::1", "localhost"];
const service = "kubernetes.default.svc.cluster.local";
/** First address of the service range: the `kubernetes` service. */
const SERVICE_ADDRESS = "10.96.0.1";

/** Users of the API server: the names RBAC's own bootstrap policy gives rights to. */
const users = {
  admin: { commonName: "berth:admin", organization: "system:masters" },
  "controller-manager": { commonName: "system:kube-controller-manager" },
  scheduler: { commonName: "system:kube-scheduler" },
  // KWOK plays every kubelet and provisions volumes; no bootstrap role allows both.
  kwok: { commonName: "berth:kwok", organization: "system:masters" },
  kubelet: { commonName: `system:node:${REAL_NODE}`, organization: "system:nodes" },
  "kube-proxy": { commonName: "system:kube-proxy" },
  coredns: { commonName: "berth:coredns" },
  // The API server, when it asks a kubelet for logs or lets someone in.
  "kubelet-client": { commonName: "berth:kube-apiserver", organization: "system:masters" },
} as const;

/** A user of the API server. */
export type ClusterUser = keyof typeof users;

/** All users of the API server. */
export const clusterUsers = Object.keys(users) as ClusterUser[];

/** Certificates and keys of a cluster: PEM here, files in `directory`. */
export interface ClusterPki {
  readonly directory: string;
  readonly authority: KeyPairPem;
  readonly users: Readonly<Record<ClusterUser, KeyPairPem>>;
}

/**
 * Writes the keys of a cluster. Authorities and the key of service account tokens are made once; certificates anew each
 * time. etcd has an authority of its own: no certificate of Kubernetes opens it.
 */
export async function writePki(directory: string): Promise<ClusterPki> {
  await ownDirectory(directory);
  const authority = await keptAuthority(directory, "ca", "berth-devcluster");
  const etcd = await keptAuthority(directory, "etcd-ca", "berth-devcluster-etcd");
  const proxy = await keptAuthority(directory, "front-proxy-ca", "berth-devcluster-front-proxy");
  await keepServiceAccountKey(directory);
  const write = async (name: string, signer: KeyPairPem, request: CertificateRequest) => {
    const pair = await issue(signer, request);
    await writePair(directory, name, pair);
    return pair;
  };
  const client = (name: ClusterUser) => write(name, authority, { ...users[name], usages: ["client"] });
  const [pairs] = await Promise.all([
    Promise.all(clusterUsers.map(async (name) => [name, await client(name)] as const)),
    write("etcd-server", etcd, { commonName: "etcd", hosts: loopback, usages: ["server", "client"] }),
    write("etcd-client", etcd, { commonName: "kube-apiserver", usages: ["client"] }),
    write("front-proxy", proxy, { commonName: "front-proxy-client", usages: ["client"] }),
    write("apiserver", authority, { commonName: "kube-apiserver", hosts: serverNames(), usages: ["server"] }),
    write("kwok-server", authority, { commonName: "berth:kwok", hosts: loopback, usages: ["server"] }),
    write("kubelet-server", authority, { commonName: REAL_NODE, hosts: [NODE_ADDRESS, REAL_NODE], usages: ["server"] }),
  ]);
  return { directory, authority, users: Object.fromEntries(pairs) as ClusterPki["users"] };
}

/** Every name pods may call the API server by: the service's, cut at each dot. */
function serverNames(): string[] {
  const labels = service.split(".");
  return [
    ...loopback,
    SERVICE_ADDRESS,
    NODE_ADDRESS,
    ...[1, 2, 3, labels.length].map((count) => labels.slice(0, count).join(".")),
  ];
}

async function keptAuthority(directory: string, name: string, commonName: string): Promise<KeyPairPem> {
  const cert = await readIfThere(join(directory, `${name}.crt`));
  const key = await readIfThere(join(directory, `${name}.key`));
  if (cert !== undefined && key !== undefined) return { cert, key };
  const made = await createAuthority(commonName);
  await writePair(directory, name, made);
  return made;
}

async function keepServiceAccountKey(directory: string): Promise<void> {
  if ((await readIfThere(join(directory, "sa.pub"))) !== undefined) return;
  const keys = await generateKeys();
  await writeOwn(join(directory, "sa.key"), await privatePem(keys));
  await writeOwn(join(directory, "sa.pub"), await publicPem(keys));
}

async function writePair(directory: string, name: string, { cert, key }: KeyPairPem): Promise<void> {
  await writeOwn(join(directory, `${name}.key`), key);
  await writeOwn(join(directory, `${name}.crt`), cert);
}
