import { join } from "node:path";

import { nodeRegistry, repository, sharedGateway } from "@berth/devcluster";

/** What is true of the running Berth. */
export interface Facts {
  readonly url: string;
  readonly kubeconfig: string;
  readonly log: string;
  /** Path of the real helm, built with the embedded cluster. */
  readonly helm?: string | undefined;
  /** Path of kubectl, built with the embedded cluster's real node. */
  readonly kubectl?: string | undefined;
  /** Whether Envoy Gateway is installed. */
  readonly hasGateway: boolean;
}

const simulated = [
  "The control plane is real Kubernetes. Its nodes are not: pods are simulated by KWOK. They become ready, but no",
  "container runs: nothing answers on their ports, and their logs say just that.",
  "",
];

const real = [
  "The control plane is real Kubernetes, and so is its node real-1: pods run there, in containers. The other nodes are",
  `simulated by KWOK, for pods that tolerate kwok.x-k8s.io/node. Images come from ${nodeRegistry.name} alone, a registry`,
  "beside the node: docs/real-node.md says how to push there, and which images are there already.",
  "",
];

const { name, namespace, address } = sharedGateway;
const shared = [
  `Berth has installed Envoy Gateway, and exposes services on ports of its Gateway ${name} of ${namespace}, whose address in`,
  `there is ${address}. Each of these ports is opened on 127.0.0.1 as well.`,
  "",
];

/** What a person sees once all runs. */
export function welcome({ url, kubeconfig, log, helm, kubectl, hasGateway }: Facts): string {
  const chart = join(repository, "examples/hello");
  const tail =
    helm === undefined
      ? [`  curl -d releaseName=hello ${url}/delete`]
      : [`  KUBECONFIG=${quote(kubeconfig)} ${quote(helm)} list`];
  return [
    "",
    ...(helm === undefined ? [] : kubectl === undefined ? simulated : real),
    ...(hasGateway ? shared : []),
    `ready: ${url}`,
    `kubeconfig: ${kubeconfig}`,
    `log: ${log}`,
    "try:",
    `  curl -d chartName=${quote(chart)} -d releaseName=hello ${url}/install`,
    `  curl ${url}/v1/clusters/local/namespaces/default/releases`,
    ...(hasGateway || (helm !== undefined && kubectl === undefined)
      ? [`  curl -d '{"service": "hello", "service_port": 80}' ${url}/v1/clusters/local/namespaces/default/exposures`]
      : []),
    ...tail,
    ...(kubectl === undefined
      ? []
      : [`  KUBECONFIG=${quote(kubeconfig)} ${quote(kubectl)} port-forward service/hello 8080:80`]),
    "Ctrl-C stops all of it; what is installed stays.",
  ].join("\n");
}

/** A word as a shell takes it. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
