import { execFile } from "node:child_process";
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
import { startGateway } from "./gateway.ts";
import { post } from "./post.ts";

const execute = promisify(execFile);
const chart = join(repository, "bench/chart");

/** Installs of each round, by how many run at once: enough for some seconds of the slowest. */
const COUNTS = { 1: 30, 4: 80, 16: 120 } as const;
/** Rounds of Berth and the bare loop, in turn: what else the machine does, and a cluster that fills, hits both. */
const ROUNDS = 3;
/** Installs before the first measure: the gateway runs for long, and so is measured once it is compiled. */
const WARM = 60;

interface Run {
  readonly concurrency: number;
  readonly installs: number;
  readonly cluster: DevCluster;
  readonly toolchain: Toolchain;
}

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
  await execute("go", ["build", ...buildFlags, "-o", bare, "berth.dev/engine/cmd/bench-install"], {
    cwd: repository,
    env: goEnvironment(),
  });
  const cluster = await ownTestCluster();
  const berth = await startGateway(cluster, engine);
  const gateway = berth.pid;
  try {
    await installByBerth(berth.url, "warm", { concurrency: 4, installs: WARM, cluster, toolchain });
    for (const [key, installs] of Object.entries(COUNTS)) {
      const concurrency = Number(key);
      const run = { concurrency, installs, cluster, toolchain };
      const bareRounds: Measure[] = [];
      const berthRounds: Measure[] = [];
      for (let round = 1; round <= ROUNDS; round += 1) {
        const namespace = `${key}-${String(round)}`;
        const bareLoop = () => installBare(bare, `bare-${namespace}`, run);
        const byBerth = () => installByBerth(berth.url, `berth-${namespace}`, run);
        bareRounds.push(await measure("bare", run, "bench-install", gateway, bareLoop));
        berthRounds.push(await measure("berth", run, "berth-engine", gateway, byBerth));
      }
      const helm = await measure("helm", run, "helm", gateway, () => installByHelm(`helm-${key}`, run));
      report([together(bareRounds), together(berthRounds), helm]);
    }
  } finally {
    await berth.stop();
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
  { concurrency, installs }: Run,
  program: string,
  gateway: number,
  work: () => Promise<number>,
): Promise<Measure> {
  const stop = sampleMemory((name, pid) => name === program || (subject === "berth" && pid === gateway));
  const seconds = await work();
  return rated({ subject, concurrency, installs, seconds, peakMiB: await stop() });
}

/** The rounds of one subject as one measure. */
function together(rounds: readonly Measure[]): Measure {
  const { subject, concurrency } = rounds[0] as Measure;
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  return rated({
    subject,
    concurrency,
    installs: sum(rounds.map((one) => one.installs)),
    seconds: sum(rounds.map((one) => one.seconds)),
    peakMiB: Math.max(...rounds.map((one) => one.peakMiB)),
  });
}

function rated({ seconds, ...rest }: Omit<Measure, "installsPerSecond">): Measure {
  const round = (number: number, digits: number) => Math.round(number * 10 ** digits) / 10 ** digits;
  return { ...rest, seconds: round(seconds, 3), installsPerSecond: round(rest.installs / seconds, 2) };
}

async function installBare(binary: string, name: string, { concurrency, installs, ...at }: Run): Promise<number> {
  const namespace = await makeNamespace(at.cluster, at.toolchain, name);
  const flags = { kubeconfig: at.cluster.kubeconfig, chart, namespace, count: installs, concurrency };
  const { stdout } = await execute(
    binary,
    Object.entries(flags).map(([flag, value]) => `--${flag}=${String(value)}`),
  );
  return (JSON.parse(stdout) as { seconds: number }).seconds;
}

async function installByBerth(url: string, name: string, { concurrency, installs, ...at }: Run): Promise<number> {
  const namespace = await makeNamespace(at.cluster, at.toolchain, name);
  return atOnce(concurrency, installs, async (i) => {
    const { status, body } = await post(`${url}/v1/clusters/local/namespaces/${namespace}/releases?wait=60`, {
      name: `berth-${String(i)}`,
      chart: { path: chart },
    });
    const { state } = JSON.parse(body) as { state?: string };
    if (state !== "OPERATION_STATE_SUCCEEDED") throw new Error(`An install failed: ${String(status)}`);
  });
}

async function installByHelm(name: string, { concurrency, installs, cluster, toolchain }: Run): Promise<number> {
  const namespace = await makeNamespace(cluster, toolchain, name);
  return atOnce(concurrency, installs, async (i) => {
    await execute(toolchain.helm, ["install", `helm-${String(i)}`, chart, "-n", namespace], {
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
  await execute(toolchain.helm, ["install", "first", chart, "-n", name, "--create-namespace"], { env });
  await execute(toolchain.helm, ["uninstall", "first", "-n", name], { env });
  return name;
}
