import type { AdminApi } from "../cluster/api.ts";
import { createObject, isReady } from "../cluster/objects.ts";
import type { NodeObject } from "../cluster/objects.ts";
import { DNS_ADDRESS, NODE_ADDRESS, NODE_PODS, REAL_NODE } from "./places.ts";

const NODE = `/api/v1/nodes/${REAL_NODE}`;
const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const DNS = { name: "kube-dns", namespace: "kube-system" };
const DNS_USER = "berth:coredns";

/** Makes the node, the Service that answers names and what CoreDNS may read, where they are missing. */
export async function furnishNode(api: AdminApi): Promise<void> {
  await createObject(api, "/api/v1/nodes", node());
  // What an earlier start said of it is no news: its kubelet will tell.
  const status = {
    conditions: [{ type: "Ready", status: "Unknown", reason: "Starting", message: "The node starts." }],
  };
  await api.send("PATCH", `${NODE}/status`, { status });
  await createObject(api, `${RBAC}/clusterroles`, dnsRole);
  await createObject(api, `${RBAC}/clusterrolebindings`, dnsBinding);
  await createObject(api, "/api/v1/namespaces/kube-system/services", dnsService);
  await createObject(api, "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices", dnsEndpoint);
}

/** Removes the node of an earlier start; Kubernetes removes its pods. */
export async function forgetNode(api: AdminApi): Promise<void> {
  await api.send("DELETE", NODE);
}

/** Tells whether pods can run on the node. */
export async function isNodeReady(api: AdminApi): Promise<boolean> {
  const { status, body } = await api.send("GET", NODE);
  if (status !== 200) return false;
  return isReady(JSON.parse(body) as NodeObject);
}

/** Made before its kubelet comes, so that its pods have the addresses that its network gives them. */
function node() {
  const labels = { type: "real", "kubernetes.io/hostname": REAL_NODE, "kubernetes.io/os": "linux" };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: REAL_NODE, labels },
    spec: { podCIDR: NODE_PODS, podCIDRs: [NODE_PODS] },
  };
}

const dnsRole = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: { name: DNS_USER },
  rules: [
    { apiGroups: [""], resources: ["services", "pods", "namespaces"], verbs: ["list", "watch"] },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
  ],
};

const dnsBinding = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRoleBinding",
  metadata: { name: DNS_USER },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: DNS_USER },
  subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: DNS_USER }],
};

const dnsPorts = [
  { name: "dns", port: 53, protocol: "UDP" },
  { name: "dns-tcp", port: 53, protocol: "TCP" },
];

/** CoreDNS is a program of the node and no pod, so the Service selects none. */
const dnsService = {
  apiVersion: "v1",
  kind: "Service",
  metadata: DNS,
  spec: { clusterIP: DNS_ADDRESS, ports: dnsPorts },
};

const dnsEndpoint = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { ...DNS, labels: { "kubernetes.io/service-name": DNS.name } },
  addressType: "IPv4",
  endpoints: [{ addresses: [NODE_ADDRESS], conditions: { ready: true } }],
  ports: dnsPorts,
};
