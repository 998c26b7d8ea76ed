import { parseArgs } from "node:util";

import { dataDirectory, nodeRegistry, SetupError, sharedGateway } from "@berth/devcluster";

/** What `npm run up` can be told. */
export interface UpOptions {
  readonly help: boolean;
  readonly reset: boolean;
  readonly port: number;
  readonly data: string;
  /** Empty: the embedded cluster. */
  readonly kubeconfig: string;
  /** Empty: the kubeconfig's current context. */
  readonly context: string;
  readonly installCrds: boolean;
  /** Whether one of the embedded cluster's nodes runs real containers. */
  readonly real: boolean;
  /** Whether that node may fetch images from where this machine can. */
  readonly internet: boolean;
  /** Whether Envoy Gateway is installed on the real node. */
  readonly gateway: boolean;
  readonly forwards: readonly ForwardWish[];
}

/** A port of this machine that shall lead to a Service of the embedded cluster. */
export interface ForwardWish {
  readonly port: number;
  readonly to: { readonly host: string; readonly port: number };
  readonly protocol: "tcp" | "udp";
}

/** What is shown for `--help`. */
export const usage = `npm run up -- [options]

Starts a Kubernetes control plane with simulated nodes, and Berth on it. Ctrl-C stops both.

  --port N           Berth's port on 127.0.0.1 (default 4000)
  --data DIR         where the cluster is kept (default ${dataDirectory()})
  --reset            throw the kept cluster away first
  --real             add a node that runs real containers (Linux, root); see docs/real-node.md
  --internet         with --real: lets the node pull images from where this machine can (TLS only)
  --no-gateway       with --real: leave Envoy Gateway out, which is installed there otherwise
  --forward LOCAL=SERVICE.NAMESPACE:PORT[/udp]
                     with --real: that port of 127.0.0.1 leads to the Service; may be given again.
                     LOCAL=gateway:PORT[/udp] leads to the address that exposed ports share,
                     LOCAL=registry:5000 to the registry that pods' images may come from
  --kubeconfig FILE  use that cluster instead of the embedded one
  --context NAME     context of that file (default: its current one)
  --install-crds     apply the CRDs and roles Berth needs to that cluster; they are only printed otherwise
  --help             this text

BERTH_CONFIG names Berth's configuration file. BERTH_TOOLCHAIN=build|download|auto says how Kubernetes' programs are come by.
`;

/** Short names of what every real node has. */
const OWN_NAMES: ReadonlyMap<string, string> = new Map([
  ["gateway", sharedGateway.address],
  ["registry", nodeRegistry.host],
]);

const flags = {
  help: { type: "boolean", short: "h", default: false },
  reset: { type: "boolean", default: false },
  port: { type: "string", default: "4000" },
  data: { type: "string", default: dataDirectory() },
  kubeconfig: { type: "string", default: "" },
  context: { type: "string", default: "" },
  "install-crds": { type: "boolean", default: false },
  real: { type: "boolean", default: false },
  internet: { type: "boolean", default: false },
  "no-gateway": { type: "boolean", default: false },
  forward: { type: "string", multiple: true, default: [] as string[] },
} as const;

/** Reads the command line. Throws SetupError where it makes no sense. */
export function parseOptions(args: readonly string[]): UpOptions {
  const values = parse(args);
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port) || port < 1 || port > 65_535) {
    throw new SetupError(`--port ${values.port} is no port.`, "Give a number from 1 to 65535.");
  }
  if (values.kubeconfig === "" && (values.context !== "" || values["install-crds"])) {
    throw new SetupError("--context and --install-crds belong to --kubeconfig.", "Give --kubeconfig FILE as well.");
  }
  if (values.kubeconfig !== "" && values.reset) {
    throw new SetupError(
      "--reset throws the embedded cluster away; with --kubeconfig there is none.",
      "Leave one out.",
    );
  }
  if (values.kubeconfig !== "" && values.real) {
    throw new SetupError(
      "--real adds a node to the embedded cluster; with --kubeconfig there is none.",
      "Leave one out.",
    );
  }
  if (!values.real && values.forward.length > 0) {
    throw new SetupError("--forward leads to real pods.", "Give --real as well.");
  }
  if (!values.real && values["no-gateway"]) {
    throw new SetupError("--no-gateway belongs to --real.", "Leave it out: there is no gateway on simulated nodes.");
  }
  if (!values.real && values.internet) {
    throw new SetupError("--internet is for real pods.", "Give --real as well.");
  }
  const gateway = values.real && !values["no-gateway"];
  return { ...values, port, gateway, installCrds: values["install-crds"], forwards: values.forward.map(parseForward) };
}

/**
 * Reads `8080=web.default:80/udp`. A name with a namespace is a Service's, two names are our own; anything else is
 * taken as it is.
 */
function parseForward(text: string): ForwardWish {
  const match = /^(\d+)=([a-z0-9.-]+):(\d+)(?:\/(tcp|udp))?$/.exec(text);
  const [, port, name = "", target, protocol = "tcp"] = match ?? [];
  if ([port, target].some((number) => !(Number(number) >= 1 && Number(number) <= 65_535))) {
    throw new SetupError(
      `--forward ${text} makes no sense.`,
      "Give LOCAL=SERVICE.NAMESPACE:PORT, such as 8080=web.default:80.",
    );
  }
  const isService = /^[a-z][a-z0-9-]*\.[a-z0-9-]+$/.test(name);
  const host = isService ? `${name}.svc.cluster.local` : (OWN_NAMES.get(name) ?? name);
  return { port: Number(port), to: { host, port: Number(target) }, protocol: protocol === "udp" ? "udp" : "tcp" };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new SetupError((error as Error).message, "npm run up -- --help lists the options.", { cause: error });
  }
}
