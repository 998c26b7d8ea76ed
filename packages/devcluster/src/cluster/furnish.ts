import type { AdminApi } from "./api.ts";
import { createObject, isReady } from "./objects.ts";
import type { NodeObject } from "./objects.ts";

/** The default class of storage, whose volumes KWOK makes. */
const storageClass = {
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name: "kwok-volume", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
  provisioner: "kwok.x-k8s.io/volume",
  reclaimPolicy: "Delete",
  volumeBindingMode: "Immediate",
};

/** Keeps pods off the simulated nodes that do not ask for them, where there is a real one. */
const SIMULATED = { key: "kwok.x-k8s.io/node", value: "fake", effect: "NoSchedule" };

/** What there shall be of simulated nodes. */
export interface Furniture {
  readonly nodes: number;
  /** Loopback port at which their kubelets answer. */
  readonly kubelet: number;
  /** Whether only pods that tolerate it go there. */
  readonly isTainted: boolean;
}

const LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

/** Frees the nodes from the KWOK of an earlier start: a new one would wait 40 s for its leases to end. */
export async function freeNodes(api: AdminApi, nodes: number): Promise<void> {
  await Promise.all(nodeNames(nodes).map((name) => api.send("DELETE", `${LEASES}/${name}`)));
}

/** Makes the simulated nodes and the storage class where they are missing. */
export async function furnish(api: AdminApi, { nodes, kubelet, isTainted }: Furniture): Promise<void> {
  await createObject(api, "/apis/storage.k8s.io/v1/storageclasses", storageClass);
  await Promise.all(
    nodeNames(nodes).map(async (name) => {
      await createObject(api, "/api/v1/nodes", node(name, isTainted ? [SIMULATED] : []));
      await taint(api, name, isTainted);
      await reach(api, name, kubelet);
    }),
  );
}

/** Says where a node's kubelet is: at each start, for its port may be another one. */
async function reach(api: AdminApi, name: string, port: number): Promise<void> {
  const addresses = [{ type: "ExternalDNS", address: "localhost" }];
  const { status, body } = await api.send("PATCH", `/api/v1/nodes/${name}/status`, {
    status: { addresses, daemonEndpoints: { kubeletEndpoint: { Port: port } } },
  });
  if (status !== 200) throw new Error(`The address of node ${name} was refused (${status}): ${body}`);
}

function nodeNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `sim-${index + 1}`);
}

/** Sets or takes away the taint of a node that was there already; its other taints are Kubernetes' own. */
async function taint(api: AdminApi, name: string, isTainted: boolean): Promise<void> {
  const path = `/api/v1/nodes/${name}`;
  const { spec } = JSON.parse((await api.send("GET", path)).body) as NodeObject;
  const others = (spec.taints ?? []).filter(({ key }) => key !== SIMULATED.key);
  if (others.length < (spec.taints ?? []).length === isTainted) return;
  const { status, body } = await api.send("PATCH", path, {
    spec: { taints: isTainted ? [...others, SIMULATED] : others },
  });
  if (status !== 200) throw new Error(`The taint of node ${name} was refused (${status}): ${body}`);
}

/** Tells whether pods can run: the simulated nodes are ready, the default namespace has its service account. */
export async function isFurnished(api: AdminApi, nodes: number): Promise<boolean> {
  const account = await api.send("GET", "/api/v1/namespaces/default/serviceaccounts/default");
  const answer = await api.send("GET", "/api/v1/nodes?labelSelector=type%3Dkwok");
  if (account.status !== 200 || answer.status !== 200) return false;
  const { items } = JSON.parse(answer.body) as { items: NodeObject[] };
  return items.filter((item) => isReady(item, SIMULATED.key)).length >= nodes;
}

function node(name: string, taints: readonly object[]) {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      annotations: { "kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0" },
      labels: {
        type: "kwok",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": "kwok",
      },
    },
    spec: { taints },
    status: { allocatable: size, capacity: size },
  };
}

/** Large enough that no chart waits for room. */
const size = { cpu: "64", memory: "256Gi", pods: "2000", "ephemeral-storage": "1Ti" };
