/** What the toolchain's modules pin, where a program must be told or a download be named. A test keeps it true to go.mod. */
export const versions = {
  kubernetes: "1.37.1",
  etcd: "3.7.3",
  kwok: "0.8.0",
  helm: "4.3.1",
  helm3: "3.21.4",
  containerd: "2.4.2",
  runc: "1.5.2",
  cni: "1.9.1",
  coredns: "1.15.0",
  /** Part of Kubernetes' module, with a version of its own. */
  agnhost: "2.66.1",
  envoyGateway: "1.9.1",
  envoy: "1.40.0",
} as const;

/** Programs of the embedded cluster and the real helm command, by the package that builds each. */
export const programs = {
  "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
  "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
  "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
  etcd: "go.etcd.io/etcd/server/v3",
  kwok: "sigs.k8s.io/kwok/cmd/kwok",
  helm: "helm.sh/helm/v4/cmd/helm",
} as const;

/** Name of one of the programs. */
export type Program = keyof typeof programs;

/** Programs of a real node that come from Kubernetes' own module, and agnhost, its image for tests. */
export const nodePrograms = {
  kubelet: "k8s.io/kubernetes/cmd/kubelet",
  "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
  kubectl: "k8s.io/kubernetes/cmd/kubectl",
  agnhost: "k8s.io/kubernetes/test/images/agnhost",
} as const;

/** Name of one of a real node's programs. */
export type NodeProgram = keyof typeof nodePrograms;

const [major, minor] = versions.kubernetes.split(".");

/**
 * One set of flags for every Go program here: other flags share nothing in Go's build cache. Charts compare
 * Kubernetes' version, so it is stamped in.
 */
export const buildFlags: readonly string[] = [
  "-trimpath",
  "-buildvcs=false",
  "-ldflags",
  [
    "-s -w",
    `-X k8s.io/component-base/version.gitVersion=v${versions.kubernetes}`,
    `-X k8s.io/component-base/version.gitMajor=${major}`,
    `-X k8s.io/component-base/version.gitMinor=${minor}`,
    `-X helm.sh/helm/v4/internal/version.version=v${versions.helm}`,
  ].join(" "),
];
