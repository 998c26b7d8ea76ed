import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import {
  buildFlags,
  ensureEngine,
  ensureToolchain,
  goEnvironment,
  ownTestCluster,
  repository,
} from "@berth/devcluster";
import type { DevCluster, Toolchain } from "@berth/devcluster";

import { sampleMemory } from "./memory.ts";

const run = promisify(execFile);
const chart = join(repository, "bench/chart");

/** Installs of each measure, by how many run at once: enough for about ten seconds of the slowest. */
const COUNTS = { 1: 30, 4: 80, 16: 160 } as const;
/** Installs before the first measure: the gateway runs for long, and so is measured once it is compiled. */
const WARM = 60;

interface Measure {
  readonly subject: "berth" | "bare" | "helm";
  readonly concurrency: number;
  readonly installs: number;
  readonly seconds: number;
  readonly installsPerSecond: number;
  readonly peakMiB: number;
}

/** Installs per second and memory of Berth, of a bare loop on Helm's SDK, and of the helm command line. */
export async function measureWrites(): Promise<void> {
  const toolchain = await ensureToolchain();
  const engine = await ensureEngine();
  const directory = await mkdtemp(join(tmpdir(), "berth-bench-"));
  const bare = join(directory, "bench-install");
  await run("go", ["build", ...buildFlags, "-o", bare, "berth.dev/engine/cmd/bench-install"], {
    cwd: repository,
    env: goEnvironment(),
  });
  const cluster = await ownTestCluster();
  const berth = await startGateway(cluster, engine);
  const gateway = berth.child.pid ?? 0;
  try {
    await installByBerth(berth.url, "warm", 4, WARM, cluster, toolchain);
    for (const [key, installs] of Object.entries(COUNTS)) {
      const concurrency = Number(key);
      const measures = [
        await measure("bare", concurrency, installs, "bench-install", gateway, () =>
          installBare(bare, cluster, toolchain, concurrency, installs),
        ),
        await measure("berth", concurrency, installs, "berth-engine", gateway, () =>
          installByBerth(berth.url, `berth-${key}`, concurrency, installs, cluster, toolchain),
        ),
        await measure("helm", concurrency, installs, "helm", gateway, () =>
          installByHelm(toolchain, cluster, concurrency, installs),
        ),
      ];
      report(measures);
    }
  } finally {
    berth.child.stdin?.end();
    await once(berth.child, "exit");
    await cluster.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

function report(measures: readonly Measure[]): void {
  for (const one of measures) console.log(JSON.stringify(one));
  const rate = (subject: Measure["subject"]) =>
    measures.find((one) => one.subject === subject)?.installsPerSecond ?? Number.NaN;
  const ratio = (a: number, b: number) => Math.round((a / b) * 100) / 100;
  const { concurrency } = measures[0] as Measure;
  console.log(
    JSON.stringify({
      ratios: { concurrency, toHelm: ratio(rate("berth"), rate("helm")), toBare: ratio(rate("berth"), rate("bare")) },
    }),
  );
}

async function measure(
  subject: Measure["subject"],
  concurrency: number,
  installs: number,
  program: string,
  gateway: number,
  work: () => Promise<number>,
): Promise<Measure> {
  const stop = sampleMemory((name, pid) => name === program || (subject === "berth" && pid === gateway));
  const seconds = await work();
  const peakMiB = await stop();
  return {
    subject,
    concurrency,
    installs,
    seconds: Math.round(seconds * 1000) / 1000,
    installsPerSecond: Math.round((installs / seconds) * 100) / 100,
    peakMiB,
  };
}

async function installBare(
  binary: string,
  cluster: DevCluster,
  toolchain: Toolchain,
  concurrency: number,
  installs: number,
): Promise<number> {
  const namespace = await makeNamespace(cluster, toolchain, `bare-${String(concurrency)}`);
  const flags = { kubeconfig: cluster.kubeconfig, chart, namespace, count: installs, concurrency };
  const { stdout } = await run(
    binary,
    Object.entries(flags).map(([name, value]) => `--${name}=${String(value)}`),
  );
  return (JSON.parse(stdout) as { seconds: number }).seconds;
}

async function installByBerth(
  url: string,
  namespace: string,
  concurrency: number,
  installs: number,
  cluster: DevCluster,
  toolchain: Toolchain,
): Promise<number> {
  await makeNamespace(cluster, toolchain, namespace);
  return atOnce(concurrency, installs, async (i) => {
    const response = await fetch(`${url}/v1/clusters/local/namespaces/${namespace}/releases`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: `berth-${String(i)}`, chart: { path: chart } }),
    });
    const { state } = (await response.json()) as { state?: string };
    if (state !== "OPERATION_STATE_SUCCEEDED") throw new Error(`An install failed: ${String(response.status)}`);
  });
}

async function installByHelm(
  toolchain: Toolchain,
  cluster: DevCluster,
  concurrency: number,
  installs: number,
): Promise<number> {
  const namespace = await makeNamespace(cluster, toolchain, `helm-${String(concurrency)}`);
  return atOnce(concurrency, installs, async (i) => {
    await run(toolchain.helm, ["install", `helm-${String(i)}`, chart, "-n", namespace], {
      env: { KUBECONFIG: cluster.kubeconfig, HOME: tmpdir() },
    });
  });
}

/** Runs `work` so often, at most so many at once, and gives the seconds it took. */
async function atOnce(concurrency: number, count: number, work: (i: number) => Promise<void>): Promise<number> {
  const started = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return (performance.now() - started) / 1000;
}

async function makeNamespace(cluster: DevCluster, toolchain: Toolchain, name: string): Promise<string> {
  // Helm makes the namespace of a release; this one is uninstalled again and leaves it.
  const env = { KUBECONFIG: cluster.kubeconfig, HOME: tmpdir() };
  await run(toolchain.helm, ["install", "first", chart, "-n", name, "--create-namespace"], { env });
  await run(toolchain.helm, ["uninstall", "first", "-n", name], { env });
  return name;
}

async function startGateway(cluster: DevCluster, engine: string): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [join(repository, "packages/server/src/main.ts")], {
    stdio: ["pipe", "ignore", "pipe"],
    env: {
      PATH: process.env.PATH,
      BERTH_PORT: "0",
      BERTH_KUBECONFIG: cluster.kubeconfig,
      BERTH_ENGINE: engine,
      BERTH_LOCAL_CHARTS: "true",
      BERTH_EXIT_WITH_STDIN: "true",
    },
  });
  let log = "";
  for await (const chunk of child.stderr) {
    log += String(chunk);
    const url = /"url":"(http[^"]+)"/.exec(log)?.[1];
    if (url !== undefined) {
      child.stderr.resume();
      return { url, child };
    }
  }
  throw new Error(`The gateway did not start: ${log}`);
}
