import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { nodeImages } from "../images/names.ts";
import { partKubeconfig } from "../cluster/kubeconfig.ts";
import { ownDirectory, writeOwn } from "../files.ts";
import type { ClusterPki } from "../pki/cluster-pki.ts";
import type { NodeToolchain } from "../toolchain/real-node.ts";
import { DNS_ADDRESS, DOMAIN, NODE_ADDRESS, NODE_PODS, nodeRegistry, REAL_NODE } from "./places.ts";

/** What a node's settings depend on. */
export interface NodeLayout {
  /** Data directory of the cluster. */
  readonly directory: string;
  /** What simulated nodes, pods and volumes go through. */
  readonly stages: string;
  readonly toolchain: NodeToolchain;
  readonly pki: ClusterPki;
  /** Whether it may fetch images from where this machine can. */
  readonly internet: boolean;
}

/** Where KWOK says that its volumes are, and where the node may make them: in a folder that is the data directory's. */
const VOLUMES = { simulated: "/tmp/kwok-local-path-provisioner", real: "/var/lib/volumes" };

/** Path of a file with a node's settings. */
export function nodeFile(directory: string, name: string): string {
  return join(directory, "node", name);
}

/** Writes the settings of all programs of a node. JSON is YAML. */
export async function writeNodeFiles(layout: NodeLayout): Promise<void> {
  const { directory } = layout;
  for (const name of ["cni", "pull", `pull/${nodeRegistry.name}`]) await ownDirectory(nodeFile(directory, name));
  const files = {
    "kubelet.json": JSON.stringify(kubelet(layout)),
    "kube-proxy.json": JSON.stringify(kubeProxy(layout)),
    "cni/10-berth.conflist": JSON.stringify(network()),
    "containerd.toml": containerd(layout),
    Corefile: corefile(layout),
    "registry.json": JSON.stringify(registry(layout)),
    [`pull/${nodeRegistry.name}/hosts.toml`]: `server = "http://${nodeRegistry.host}:${nodeRegistry.port}"\n`,
    "stages.yaml": (await readFile(layout.stages, "utf8")).replaceAll(VOLUMES.simulated, VOLUMES.real),
    "resolv.conf": `nameserver ${NODE_ADDRESS}\n`,
  };
  for (const [name, content] of Object.entries(files)) await writeOwn(nodeFile(directory, name), content);
}

function kubelet({ directory, pki }: NodeLayout) {
  const file = (name: string) => join(pki.directory, name);
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    failCgroupV1: false,
    cgroupDriver: "cgroupfs",
    containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock",
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: file("ca.crt") },
    },
    authorization: { mode: "Webhook" },
    tlsCertFile: file("kubelet-server.crt"),
    tlsPrivateKeyFile: file("kubelet-server.key"),
    clusterDNS: [DNS_ADDRESS],
    clusterDomain: DOMAIN,
    resolvConf: nodeFile(directory, "resolv.conf"),
    failSwapOn: false,
    // The disk is the machine's: how full it is, is no reason to end pods or to throw images away.
    evictionHard: { "memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
    imageGCHighThresholdPercent: 100,
    volumePluginDir: "/var/lib/kubelet/volume-plugins",
    volumeStatsAggPeriod: "0s",
    maxPods: 110,
  };
}

function kubeProxy({ pki }: NodeLayout) {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "nftables",
    clientConnection: { kubeconfig: partKubeconfig(pki, "kube-proxy") },
    clusterCIDR: NODE_PODS,
    hostnameOverride: REAL_NODE,
    // How many connections are tracked is the whole machine's setting.
    conntrack: { maxPerCore: 0, min: 0 },
    healthzBindAddress: "127.0.0.1:10256",
    metricsBindAddress: "127.0.0.1:10249",
  };
}

/**
 * Each pod has its own wire to the node, so that all it says passes the node's rules; pods on one bridge would need
 * the machine's br_netfilter. Addresses are forgotten with the world: its pods are gone then too.
 */
function network() {
  const ipam = {
    type: "host-local",
    dataDir: "/run/cni",
    ranges: [[{ subnet: NODE_PODS }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  return {
    cniVersion: "1.0.0",
    name: "berth",
    plugins: [
      { type: "ptp", mtu: 1500, ipam },
      { type: "portmap", capabilities: { portMappings: true }, backend: "nftables" },
    ],
  };
}

function containerd({ directory, toolchain }: NodeLayout): string {
  const text = JSON.stringify;
  return `version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
# It would make folders in /opt.
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = ${text(nodeFile(directory, "pull"))}
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = ${text(nodeImages.pause)}
[plugins."io.containerd.cri.v1.runtime"]
  # Root does not always have CAP_SYS_RESOURCE, without which nobody may ask to be killed later than others.
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = [${text(toolchain.cni)}]
    conf_dir = ${text(nodeFile(directory, "cni"))}
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      BinaryName = ${text(toolchain.runc)}
      SystemdCgroup = false
`;
}

/** What is pushed stays in the data directory. */
function registry({ directory }: NodeLayout) {
  return {
    version: "0.1",
    log: { level: "warn", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: nodeFile(directory, "registry") }, delete: { enabled: true } },
    http: { addr: `${nodeRegistry.host}:${nodeRegistry.port}`, secret: "of one registry alone" },
  };
}

/** Names outside of the cluster do not exist: the node's network leads nowhere. */
function corefile({ pki }: NodeLayout): string {
  return `${DOMAIN}:53 in-addr.arpa:53 ip6.arpa:53 {
  bind ${NODE_ADDRESS}
  errors
  kubernetes ${DOMAIN} in-addr.arpa ip6.arpa {
    kubeconfig ${partKubeconfig(pki, "coredns")}
    pods insecure
    ttl 5
  }
  cache 5
  loadbalance
}
.:53 {
  bind ${NODE_ADDRESS}
  errors
  ready 127.0.0.1:8181
  template ANY ANY {
    rcode NXDOMAIN
  }
}
`;
}
