import { join } from "node:path";

import { partKubeconfig } from "../cluster/kubeconfig.ts";
import type { ProgramSpec } from "../supervisor/protocol.ts";
import { nodeFile } from "./files.ts";
import type { NodeLayout } from "./files.ts";
import { NODE_ADDRESS, nodeOutlet, REAL_NODE } from "./places.ts";

/** The parts of a real node. */
export const nodeParts = ["containerd", "kubelet", "kube-proxy", "coredns", "registry"] as const;

/** Name of a part of a real node. */
export type NodePart = (typeof nodeParts)[number];

/** Gives each part's program and flags. */
export function describeNodePrograms(layout: NodeLayout): Readonly<Record<NodePart, ProgramSpec>> {
  const { directory, toolchain, pki, internet } = layout;
  const file = (name: string) => nodeFile(directory, name);
  const log = (name: NodePart) => join(directory, "logs", `${name}.log`);
  const program = (name: NodePart, path: string, flags: Readonly<Record<string, string>>): ProgramSpec => ({
    name,
    file: path,
    args: Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
    log: log(name),
  });
  const containerd = program("containerd", toolchain.containerd, { config: file("containerd.toml") });
  return {
    containerd: internet ? behindOutlet(containerd) : containerd,
    kubelet: program("kubelet", toolchain.kubelet, {
      config: file("kubelet.json"),
      kubeconfig: partKubeconfig(pki, "kubelet"),
      "hostname-override": REAL_NODE,
      "node-ip": NODE_ADDRESS,
    }),
    "kube-proxy": program("kube-proxy", toolchain.kubeProxy, { config: file("kube-proxy.json") }),
    coredns: program("coredns", toolchain.coredns, { conf: file("Corefile") }),
    registry: {
      name: "registry",
      // Unless told so, it would look for somebody to send its traces to.
      file: "env",
      args: ["OTEL_TRACES_EXPORTER=none", toolchain.registry, "serve", file("registry.json")],
      log: log("registry"),
    },
  };
}

function behindOutlet(program: ProgramSpec): ProgramSpec {
  const proxy = `HTTPS_PROXY=http://${nodeOutlet.host}:${nodeOutlet.port}`;
  return { ...program, file: "env", args: [proxy, program.file, ...program.args] };
}
