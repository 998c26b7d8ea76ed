import type { KubeObject } from "@berth/kube";

/** A Deployment or DaemonSet, as far as it says what an ingress controller reads. */
export interface Workload extends KubeObject {
  readonly spec?: {
    readonly template?: {
      readonly spec?: {
        readonly containers?: readonly { readonly args?: readonly string[]; readonly command?: readonly string[] }[];
      };
    };
  };
}

/** Names of the ConfigMaps of TCP and UDP services. */
export interface Maps {
  readonly tcp: string;
  readonly udp?: string;
}

/** What ingress-nginx and HAProxy ingress call their ConfigMaps on the command line. */
const FLAGS = {
  tcp: /^--(?:tcp-services-configmap|configmap-tcp-services)=(.+)$/,
  udp: /^--(?:udp-services-configmap|configmap-udp-services)=(.+)$/,
} as const;

/** The ConfigMaps that a controller was told to read; Kubernetes' usual names where it was told none. Pure. */
export function mapsOf(workloads: readonly Workload[], namespace: string): Maps {
  const words = workloads.flatMap(({ spec }) =>
    (spec?.template?.spec?.containers ?? []).flatMap(({ args = [], command = [] }) => [...command, ...args]),
  );
  const find = (flag: RegExp) => {
    for (const word of words) {
      const place = flag.exec(word)?.[1]?.replace("$(POD_NAMESPACE)", namespace);
      const [where, name] = place?.split("/") ?? [];
      if (where === namespace && name !== undefined) return name;
    }
    return undefined;
  };
  const [tcp, udp] = [find(FLAGS.tcp), find(FLAGS.udp)];
  if (tcp === undefined) return { tcp: "tcp-services", udp: "udp-services" };
  return { tcp, ...(udp === undefined ? {} : { udp }) };
}
