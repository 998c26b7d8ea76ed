import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { ensureEngine, ensureToolchain, ownTestCluster, repository } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";

import { startGateway } from "./gateway.ts";
import { serveLargeIndex } from "./large-index.ts";
import { sampleMemory } from "./memory.ts";
import { post } from "./post.ts";

const execute = promisify(execFile);
const WARM = 50;
const OBJECTS = 300;

/** A chart out of a 20 MB index beside `helm pull`, and a plan of 300 objects beside a dry run of each in turn. */
export async function measureCharts(): Promise<void> {
  const toolchain = await ensureToolchain();
  const engine = await ensureEngine();
  const directory = await mkdtemp(join(tmpdir(), "berth-bench-"));
  const cluster = await ownTestCluster();
  const berth = await startGateway(cluster, engine);
  try {
    await measureResolve(berth.url, berth.pid, toolchain.helm, directory);
    await measurePlan(berth.url, cluster, directory);
  } finally {
    await berth.stop();
    await cluster.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureResolve(url: string, gateway: number, helm: string, directory: string): Promise<void> {
  const archives = join(directory, "archives");
  await mkdir(archives);
  await execute(helm, ["package", join(repository, "bench/chart"), "-d", archives, "--version", "1.0.0"]);
  const [name, archive] = ["three", await readFile(join(archives, "three-1.0.0.tgz"))] as const;
  await using large = await serveLargeIndex(name, archive);
  const show = async () => {
    const { status, body } = await post(`${url}/v1/charts:show`, { chart: { name, repository: large.url } });
    if (status !== 200) throw new Error(`The chart was not shown: ${body}`);
  };
  const stop = sampleMemory((program, pid) => program === "berth-engine" || pid === gateway);
  const cold = await timed(show);
  const warm = await median(WARM, show);
  const peakMiB = await stop();
  const pull = () => execute(helm, ["pull", name, "--repo", large.url, "-d", archives], { env: { HOME: directory } });
  const stopHelm = sampleMemory((program) => program === "helm");
  const pulled = await median(3, pull);
  const helmMiB = await stopHelm();
  print({ subject: "berth", what: "resolve", indexMB: large.megabytes, coldMs: cold, warmMs: warm, peakMiB });
  print({ subject: "helm", what: "pull", indexMB: large.megabytes, ms: pulled, peakMiB: helmMiB });
  print({ ratios: { coldToHelm: cold / pulled, warmToHelm: warm / pulled } });
}

async function measurePlan(url: string, cluster: DevCluster, directory: string): Promise<void> {
  const chart = join(directory, "many");
  await mkdir(join(chart, "templates"), { recursive: true });
  await writeFile(join(chart, "Chart.yaml"), "apiVersion: v2\nname: many\nversion: 1.0.0\n");
  const template = `{{- range until ${String(OBJECTS)} }}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: many-{{ . }} }
data: { value: {{ $.Values.value | default "one" | quote }} }
{{- end }}
`;
  await writeFile(join(chart, "templates/maps.yaml"), template);
  const releases = `${url}/v1/clusters/local/namespaces/default/releases`;
  await post(releases, { name: "many", chart: { path: chart } });
  const plan = async () => {
    const { body } = await post(`${releases}/many:plan`, { chart: { path: chart }, values: { value: "two" } });
    const { summary } = JSON.parse(body) as { summary?: { update: number } };
    if (summary?.update !== OBJECTS) throw new Error(`The plan is another: ${body.slice(0, 500)}`);
  };
  const inTurn = async () => {
    for (let i = 0; i < OBJECTS; i += 1) await dryRun(cluster, `many-${String(i)}`);
  };
  const rounds = [await timed(plan), await timed(inTurn), await timed(plan), await timed(inTurn)];
  const [planMs, turnMs] = [Math.min(rounds[0] ?? 0, rounds[2] ?? 0), Math.min(rounds[1] ?? 0, rounds[3] ?? 0)];
  print({ subject: "berth", what: "plan", objects: OBJECTS, ms: planMs });
  print({ subject: "raw", what: "dry runs in turn", objects: OBJECTS, ms: turnMs });
  print({ ratios: { planToRaw: planMs / turnMs } });
}

/** One server-side apply as a dry run, over one kept connection. */
function dryRun({ server, credentials }: DevCluster, name: string): Promise<void> {
  const body = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { value: "two" } });
  const path = `/api/v1/namespaces/default/configmaps/${name}?dryRun=All&fieldManager=helm&force=true`;
  const headers = { "content-type": "application/apply-patch+yaml" };
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, server), { ...credentials, method: "PATCH", headers }, (response) => {
      response.resume().on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`The dry run was refused: ${String(response.statusCode)}`));
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function median(count: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i += 1) times.push(await timed(work));
  return times.sort((a, b) => a - b)[Math.trunc(count / 2)] ?? Number.NaN;
}

function print(line: Readonly<Record<string, unknown>>): void {
  const short = (_key: string, value: unknown) => (typeof value === "number" ? Math.round(value * 1000) / 1000 : value);
  console.log(JSON.stringify(line, short));
}
