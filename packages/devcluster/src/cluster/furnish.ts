import type { AdminApi } from "./api.ts";

/** The default class of storage, whose volumes KWOK makes. */
const storageClass = {
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name: "kwok-volume", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
  provisioner: "kwok.x-k8s.io/volume",
  reclaimPolicy: "Delete",
  volumeBindingMode: "Immediate",
};

/** Makes the simulated nodes, whose kubelets answer at a loopback port, and the storage class where they are missing. */
export async function furnish(api: AdminApi, nodes: number, kubelet: number): Promise<void> {
  await create(api, "/apis/storage.k8s.io/v1/storageclasses", storageClass);
  const names = Array.from({ length: nodes }, (_, index) => `sim-${index + 1}`);
  await Promise.all(
    names.map(async (name) => {
      await create(api, "/api/v1/nodes", node(name));
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

/** Tells whether pods can run: the simulated nodes are ready, the default namespace has its service account. */
export async function isFurnished(api: AdminApi, nodes: number): Promise<boolean> {
  const account = await api.send("GET", "/api/v1/namespaces/default/serviceaccounts/default");
  const answer = await api.send("GET", "/api/v1/nodes?labelSelector=type%3Dkwok");
  if (account.status !== 200 || answer.status !== 200) return false;
  const { items } = JSON.parse(answer.body) as { items: NodeObject[] };
  return items.filter(isReady).length >= nodes;
}

interface NodeObject {
  readonly spec: { readonly taints?: readonly unknown[] };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function isReady({ spec, status }: NodeObject): boolean {
  const ready = status.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True");
  return ready === true && (spec.taints?.length ?? 0) === 0;
}

async function create(api: AdminApi, path: string, object: { metadata: { name: string } }): Promise<void> {
  const { status, body } = await api.send("POST", path, object);
  // 409: an earlier start made it.
  if (status !== 201 && status !== 409)
    throw new Error(`${path}: ${object.metadata.name} was refused (${status}): ${body}`);
}

function node(name: string) {
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
    status: { allocatable: size, capacity: size },
  };
}

/** Large enough that no chart waits for room. */
const size = { cpu: "64", memory: "256Gi", pods: "2000", "ephemeral-storage": "1Ti" };
