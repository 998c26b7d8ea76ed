import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { cacheDirectory, streamProgress, writeImage } from "@berth/devcluster";
import type { RealNode } from "@berth/devcluster";
import type { KubeClient } from "@berth/kube";

import { unpackPackages } from "../../packages/devcluster/src/toolchain/debian.ts";
import { makeOnce } from "../../packages/devcluster/src/toolchain/once.ts";

const run = promisify(execFile);
const IMAGE = "registry.local/haproxy:debian";
const CONFIG = "/etc/haproxy.cfg";
/** What it has whatever it carries: HAProxy does not start without anything to listen on. */
const EMPTY = `defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
frontend http
  mode http
  bind :80
  http-request return status 404
`;
/** How often the ConfigMap is looked at, in milliseconds. */
const LOOK = 100;

/** HAProxy as the data plane of an ingress controller: what it carries is what a ConfigMap says. */
export interface IngressController extends AsyncDisposable {
  /** Name of its Service, of which the Address takes its address. */
  readonly service: string;
  readonly configMap: string;
}

/** Parts of a test's cluster. */
export interface IngressParts {
  readonly node: RealNode;
  readonly kubeconfig: string;
  readonly kube: KubeClient;
  readonly namespace: string;
}

/**
 * Runs Debian's HAProxy in a pod, and does what an ingress controller does with it:
 * its configuration is made of the ConfigMap tcp-services, each time that changes.
 */
export async function startIngressController(parts: IngressParts): Promise<IngressController> {
  const { node, kube, namespace } = parts;
  const draft = await mkdtemp(join(tmpdir(), "berth-haproxy-"));
  try {
    const file = join(draft, "haproxy.tar");
    const config = join(draft, "haproxy.cfg");
    await writeFile(config, EMPTY);
    await writeImage({
      name: IMAGE,
      file,
      files: { ...(await programs()), "etc/haproxy.cfg": config },
      entrypoint: ["/usr/sbin/haproxy"],
    });
    await node.importImage(file);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  const labels = { app: "haproxy" };
  const container = { name: "haproxy", image: IMAGE, args: ["-W", "-db", "-f", CONFIG] };
  const post = (path: string, body: object) =>
    kube.request({ method: "POST", path: `/api/v1/namespaces/${namespace}/${path}`, body });
  await post("pods", {
    metadata: { name: "haproxy", labels },
    spec: { containers: [container], terminationGracePeriodSeconds: 1 },
  });
  // The port that each controller has, whatever else it carries.
  const ports = [{ name: "http", port: 80 }];
  await post("services", { metadata: { name: "haproxy" }, spec: { selector: labels, ports } });
  const stop = follow(parts);
  return { service: "haproxy", configMap: "tcp-services", [Symbol.asyncDispose]: stop };
}

/** HAProxy and busybox out of Debian's packages, with the libraries they are linked with. */
async function programs(): Promise<Record<string, string>> {
  const root = await makeOnce({
    root: join(cacheDirectory(), "haproxy"),
    key: `debian-${process.arch}`,
    progress: streamProgress(process.stderr),
    make: (directory) => unpackPackages(["haproxy", "busybox-static"], directory),
  });
  const binary = join(root, "usr/sbin/haproxy");
  const triplet = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  const env = { ...process.env, LD_LIBRARY_PATH: [`${root}/usr/lib/${triplet}`, `${root}/lib/${triplet}`].join(":") };
  const { stdout } = await run("ldd", [binary], { env });
  const files = stdout.split("\n").flatMap((line) => {
    const [, name = "", path] = /^\s*(\S+)(?: => (\S+))? \(0x/.exec(line) ?? [];
    // The loader stands with its path alone; what the kernel gives has none.
    if (path === undefined) return name.startsWith("/") ? [[name.slice(1), name] as const] : [];
    return [[`usr/lib/${triplet}/${name}`, path] as const];
  });
  // Libraries are links to those of a version, and a link leads nowhere in the image.
  const libraries = await Promise.all(files.map(async ([path, from]) => [path, await realpath(from)] as const));
  return { "usr/sbin/haproxy": binary, "bin/busybox": join(root, "bin/busybox"), ...Object.fromEntries(libraries) };
}

/** Makes the configuration again with each change, until it is told to stop. */
function follow({ node, kubeconfig, kube, namespace }: IngressParts): () => Promise<void> {
  let isDone = false;
  const services = new Map<string, string>();
  const addressOf = async (place: string) => {
    const [owner = "", name = ""] = place.split("/");
    const found = await kube.request<{ spec: { clusterIP: string } }>({
      path: `/api/v1/namespaces/${owner}/services/${name}`,
    });
    services.set(place, found.spec.clusterIP);
  };
  const apply = async (data: Readonly<Record<string, string>>) => {
    const sections: string[] = [];
    for (const [port, backend] of Object.entries(data)) {
      const [place = "", target = ""] = backend.split(":");
      if (!services.has(place)) await addressOf(place).catch(() => undefined);
      sections.push(`listen p${port}\n  bind :${port}\n  server s ${services.get(place) ?? "127.0.0.1"}:${target}\n`);
    }
    const script = `busybox cat > ${CONFIG} && busybox kill -USR2 1`;
    const args = [`--kubeconfig=${kubeconfig}`, "-n", namespace, "exec", "-i", "haproxy", "--"];
    const child = spawn(node.kubectl, [...args, "/bin/busybox", "sh", "-c", script], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.stdin.end(EMPTY + sections.join(""));
    const [code] = (await once(child, "exit")) as [number | null];
    return code === 0;
  };
  const working = (async () => {
    for (let applied = ""; !isDone; await new Promise((resolve) => setTimeout(resolve, LOOK))) {
      const path = `/api/v1/namespaces/${namespace}/configmaps/tcp-services`;
      const found = await kube.request<{ data?: Record<string, string> }>({ path }).catch(() => undefined);
      const text = JSON.stringify(found?.data ?? {});
      if (text !== applied && (await apply(found?.data ?? {}))) applied = text;
    }
  })();
  return () => {
    isDone = true;
    return working;
  };
}
