import { join } from "node:path";

import { nodeFile } from "../node/files.ts";
import { NODE_ADDRESS } from "../node/places.ts";
import type { ClusterPki } from "../pki/cluster-pki.ts";
import type { ProgramSpec } from "../supervisor/protocol.ts";
import type { Toolchain } from "../toolchain/ensure.ts";
import { partKubeconfig } from "./kubeconfig.ts";
import { podLogsConfig } from "./pod-logs.ts";
import type { Ports } from "./ports.ts";

/** Name of a part of the control plane, or KWOK. */
export type ComponentName = "etcd" | "kube-apiserver" | "kube-controller-manager" | "kube-scheduler" | "kwok";

/** What the programs' flags depend on. */
export interface Layout {
  readonly directory: string;
  readonly toolchain: Toolchain;
  readonly pki: ClusterPki;
  readonly ports: Ports;
  /** Whether what is written must outlive a crash of the machine. */
  readonly durable: boolean;
  /** Whether a real node runs in the same network, which then is a world's own. */
  readonly isReal: boolean;
}

const SERVICES = "10.96.0.0/16";
const PODS = "10.244.0.0/16";

/** Gives each part's program and flags. */
export function describePrograms(layout: Layout): Readonly<Record<ComponentName, ProgramSpec>> {
  const { directory, toolchain } = layout;
  const program = (name: ComponentName, file: string, flags: Flags): ProgramSpec => ({
    name,
    file,
    args: Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
    log: join(directory, "logs", `${name}.log`),
  });
  return {
    etcd: program("etcd", toolchain.etcd, etcd(layout)),
    "kube-apiserver": program("kube-apiserver", toolchain.kubeApiserver, apiserver(layout)),
    "kube-controller-manager": program("kube-controller-manager", toolchain.kubeControllerManager, manager(layout)),
    "kube-scheduler": program("kube-scheduler", toolchain.kubeScheduler, scheduler(layout)),
    kwok: program("kwok", toolchain.kwok, kwok(layout)),
  };
}

type Flags = Readonly<Record<string, string | number | boolean>>;

function etcd({ directory, pki, ports, durable }: Layout): Flags {
  const client = `https://127.0.0.1:${ports.etcd}`;
  const peer = `https://127.0.0.1:${ports.etcdPeer}`;
  const file = (name: string) => join(pki.directory, name);
  return {
    "data-dir": join(directory, "etcd"),
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `default=${peer}`,
    "client-cert-auth": true,
    "trusted-ca-file": file("etcd-ca.crt"),
    "cert-file": file("etcd-server.crt"),
    "key-file": file("etcd-server.key"),
    "peer-client-cert-auth": true,
    "peer-trusted-ca-file": file("etcd-ca.crt"),
    "peer-cert-file": file("etcd-server.crt"),
    "peer-key-file": file("etcd-server.key"),
    "log-level": "warn",
    ...(durable ? {} : { "unsafe-no-fsync": true }),
  };
}

function apiserver({ pki, ports, isReal }: Layout): Flags {
  const file = (name: string) => join(pki.directory, name);
  return {
    "secure-port": ports.apiserver,
    ...(isReal ? forPods(pki) : forNobody),
    "etcd-servers": `https://127.0.0.1:${ports.etcd}`,
    "etcd-cafile": file("etcd-ca.crt"),
    "etcd-certfile": file("etcd-client.crt"),
    "etcd-keyfile": file("etcd-client.key"),
    "tls-cert-file": file("apiserver.crt"),
    "tls-private-key-file": file("apiserver.key"),
    "client-ca-file": file("ca.crt"),
    "authorization-mode": "Node,RBAC",
    "enable-admission-plugins": "NodeRestriction",
    "allow-privileged": true,
    // Where a simulated node's kubelet is; a real node has its own address.
    "kubelet-preferred-address-types": "ExternalDNS,InternalIP",
    "service-account-issuer": "https://kubernetes.default.svc",
    "service-account-key-file": file("sa.pub"),
    "service-account-signing-key-file": file("sa.key"),
    "service-cluster-ip-range": SERVICES,
    "requestheader-client-ca-file": file("front-proxy-ca.crt"),
    "requestheader-allowed-names": "front-proxy-client",
    "requestheader-username-headers": "X-Remote-User",
    "requestheader-group-headers": "X-Remote-Group",
    "requestheader-extra-headers-prefix": "X-Remote-Extra-",
    "proxy-client-cert-file": file("front-proxy.crt"),
    "proxy-client-key-file": file("front-proxy.key"),
  };
}

/** Endpoints may not be loopback addresses, and no pod here dials: the kubernetes service has none. */
const forNobody: Flags = {
  "bind-address": "127.0.0.1",
  "advertise-address": "127.0.0.1",
  "endpoint-reconciler-type": "none",
};

/** Pods dial the kubernetes service, and the real node's kubelet wants to know who asks. */
function forPods(pki: ClusterPki): Flags {
  const file = (name: string) => join(pki.directory, name);
  return {
    "bind-address": "0.0.0.0",
    "advertise-address": NODE_ADDRESS,
    "kubelet-client-certificate": file("kubelet-client.crt"),
    "kubelet-client-key": file("kubelet-client.key"),
    "kubelet-certificate-authority": file("ca.crt"),
  };
}

function manager({ pki }: Layout): Flags {
  const file = (name: string) => join(pki.directory, name);
  return {
    kubeconfig: partKubeconfig(pki, "controller-manager"),
    // One of each runs, so nothing is to be elected; nobody scrapes, so nothing is served.
    "leader-elect": false,
    "secure-port": 0,
    "use-service-account-credentials": true,
    "service-account-private-key-file": file("sa.key"),
    "root-ca-file": file("ca.crt"),
    "cluster-signing-cert-file": file("ca.crt"),
    "cluster-signing-key-file": file("ca.key"),
    "allocate-node-cidrs": true,
    "cluster-cidr": PODS,
    "service-cluster-ip-range": SERVICES,
    // A new node is opened to pods at the next look; the default of 5 s would be most of a start.
    "node-monitor-period": "1s",
    ...requests,
  };
}

/** The defaults (20 and 50 a second) make the first start 5 s longer, and every busy test slower. */
const requests: Flags = { "kube-api-qps": 500, "kube-api-burst": 1000 };

function scheduler({ pki }: Layout): Flags {
  return { kubeconfig: partKubeconfig(pki, "scheduler"), "leader-elect": false, "secure-port": 0, ...requests };
}

function kwok({ directory, pki, ports, toolchain, isReal }: Layout): Flags {
  const stages = isReal ? nodeFile(directory, "stages.yaml") : toolchain.kwokStages;
  return {
    kubeconfig: partKubeconfig(pki, "kwok"),
    config: `${stages},${podLogsConfig(directory)}`,
    "server-address": `127.0.0.1:${ports.kubelet}`,
    "tls-cert-file": join(pki.directory, "kwok-server.crt"),
    "tls-private-key-file": join(pki.directory, "kwok-server.key"),
    // Nodes that are real are none of KWOK's business.
    "manage-all-nodes": false,
    "manage-nodes-with-annotation-selector": "kwok.x-k8s.io/node=fake",
    cidr: PODS,
    "node-ip": "10.0.0.1",
    "node-lease-duration-seconds": 40,
  };
}
