import { join } from "node:path";

import { silentLogger, systemClock } from "@berth/base";
import { ensureEngine, ownTestCluster, repository } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";
import { startEngine } from "@berth/engine-client";
import { createKubeClient, createObject, deleteObject, loadKubeconfig } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { loopbackPrincipal } from "../packages/server/src/domain/access/index.ts";
import { resolveChart } from "../packages/server/src/domain/charts/resolve.ts";
import { createInstall } from "../packages/server/src/domain/releases/actions/install.ts";
import { makeChartDirectory } from "../test/support/charts.ts";
import { startGateway } from "./gateway.ts";
import type { Gateway } from "./gateway.ts";
import { sampleMemory } from "./memory.ts";
import { post } from "./post.ts";

const chart = join(repository, "bench/chart");
const RELEASES = "/v1/clusters/local/namespaces/default/releases";
const HOME = "berth-system";
/** Installs of each kind, in turn, for the gateway's own share. */
const COUNT = 100;
const WARM = 30;
/** Installs that wait at once. */
const WAITING = 500;
const POLL = 2000;

/** The gateway's own share of an operation; memory of 500 installs that wait, and how soon another replica has them. */
export async function measureOperations(): Promise<void> {
  const engine = await ensureEngine();
  await using cluster = await ownTestCluster();
  const kube = createKubeClient(await loadKubeconfig(cluster.kubeconfig), { log: silentLogger, clock: systemClock });
  try {
    await measureShare(cluster, engine, kube);
    await measureWaiting(cluster, engine, kube);
  } finally {
    await kube.close();
  }
}

async function measureShare(cluster: DevCluster, binary: string, kube: KubeClient): Promise<void> {
  const gateway = await startGateway(cluster, binary);
  const engine = await startEngine({ binary, allowLocalCharts: true, log: silentLogger });
  const direct = await directInstall(cluster, kube, engine);
  const berth = async (name: string) => {
    const { body } = await post(`${gateway.url}${RELEASES}?wait=60`, { name, chart: { path: chart } });
    if (!body.includes("OPERATION_STATE_SUCCEEDED")) throw new Error(body);
  };
  for (let i = 0; i < WARM; i++) {
    await berth(`warm-b-${String(i)}`);
    await direct(`warm-d-${String(i)}`);
  }
  const times: Record<"berth" | "engine" | "home", number[]> = { berth: [], engine: [], home: [] };
  for (let i = 0; i < COUNT; i++) {
    times.berth.push(await timed(() => berth(`b-${String(i)}`)));
    times.engine.push(await timed(() => direct(`d-${String(i)}`)));
    times.home.push(await timed(() => writeHome(kube, `bench-${String(i)}`)));
  }
  for (const subject of ["berth", "engine", "home"] as const) {
    print({ subject, installs: COUNT, p50Ms: quantile(times[subject], 0.5), p99Ms: quantile(times[subject], 0.99) });
  }
  const share = times.berth.map((ms, i) => ms - (times.engine[i] ?? 0));
  const withoutHome = share.map((ms, i) => ms - (times.home[i] ?? 0));
  print({ share: "gateway's own, with the home's writes", p50Ms: quantile(share, 0.5), p99Ms: quantile(share, 0.99) });
  print({ share: "without them", p50Ms: quantile(withoutHome, 0.5), p99Ms: quantile(withoutHome, 0.99) });
  await engine.stop();
  await gateway.stop();
}

/** An install by the engine alone: no operation, nothing written but by Helm. */
async function directInstall(
  cluster: DevCluster,
  client: KubeClient,
  engine: Awaited<ReturnType<typeof startEngine>>,
): Promise<(name: string) => Promise<void>> {
  const connection = await loadKubeconfig(cluster.kubeconfig);
  const egress = { allowLoopback: true, allowLinkLocal: false, allowedHosts: [], allowedCidrs: [] };
  const policy = { repositories: {}, allowLocal: true };
  const action = createInstall({
    ...{ engine, egress, storageOf: () => Promise.resolve(undefined) },
    charts: (_principal, _namespace, reference) => Promise.resolve(resolveChart(reference, policy)),
  });
  return async (name) => {
    const target = { cluster: "local", namespace: "default", name };
    const outcome = await action(
      { verb: "install", target, chart: { path: chart } },
      {
        ...{ operationId: `direct-${name}`, cluster: { name: "local", connection, client, watchNamespaces: [] } },
        ...{ principal: loopbackPrincipal, context: { requestId: name, traceparent: "" } },
        ...{ signal: new AbortController().signal, onProgress: () => undefined },
      },
    );
    if (outcome.error !== undefined) throw outcome.error;
  };
}

/** The six writes of an operation, and nothing else: payload, operation, queue, claim, ending, payload's end. */
async function writeHome(client: KubeClient, name: string): Promise<void> {
  const namespace = HOME;
  const secrets = { group: "", version: "v1", plural: "secrets" };
  const operations = { group: "berth.dev", version: "v1alpha1", plural: "operations" };
  const maps = { group: "", version: "v1", plural: "configmaps" };
  const metadata = { name };
  await createObject(client, { resource: secrets, namespace }, { apiVersion: "v1", kind: "Secret", metadata });
  const request = {
    ...{ version: 99, verb: "install", target: { cluster: "local", namespace: "default", name } },
    ...{ principal: loopbackPrincipal, payload: name, createTime: new Date().toISOString() },
  };
  const body = { apiVersion: "berth.dev/v1alpha1", kind: "Operation", metadata, spec: { request } };
  let record = await createObject<{ metadata: { name: string } }>(client, { resource: operations, namespace }, body);
  await createObject(client, { resource: maps, namespace }, { apiVersion: "v1", kind: "ConfigMap", metadata });
  const path = `/apis/berth.dev/v1alpha1/namespaces/${namespace}/operations/${name}/status`;
  const end = new Date().toISOString();
  for (const status of [{ state: "running" }, { state: "succeeded", endTime: end }]) {
    record = await client.request({ method: "PUT", path, body: { ...record, status } });
  }
  await deleteObject(client, { resource: secrets, namespace, name });
}

async function measureWaiting(cluster: DevCluster, binary: string, kube: KubeClient): Promise<void> {
  await using charts = await makeChartDirectory();
  const path = await charts.write("waits", { "templates/app.yaml": WAITS });
  const gateway = await startGateway(cluster, binary);
  const stop = sampleMemory((name, pid) => name === "berth-engine" || pid === gateway.pid);
  const begun = performance.now();
  const options = { wait: true, timeout: "600s" };
  for (let i = 0; i < WAITING; i += 20) {
    const some = Array.from({ length: Math.min(20, WAITING - i) }, (_, k) =>
      post(`${gateway.url}${RELEASES}`, { name: `w-${String(i + k)}`, chart: { path }, options }),
    );
    await Promise.all(some);
  }
  const acceptedMs = performance.now() - begun;
  await until(async () => (await countPhase(gateway, "waiting")) >= WAITING);
  const waitingMs = performance.now() - begun;
  await new Promise((resolve) => setTimeout(resolve, 5000));
  print({ subject: "berth", waiting: WAITING, acceptedMs, waitingMs, peakMiB: await stop() });

  const other = await startGateway(cluster, binary);
  await until(async () => (await replicasOf(other)).length > 0);
  const before = await replicasOf(other);
  process.kill(gateway.pid, "SIGKILL");
  const killed = performance.now();
  await until(async () => (await replicasOf(other)).every((replica) => !before.includes(replica)));
  print({ what: "takeover", operations: WAITING, takenOverMs: performance.now() - killed });
  const body = { metadata: { labels: { "bench-gate": "open" } } };
  const contentType = "application/merge-patch+json";
  await kube.request({ method: "PATCH", path: "/api/v1/nodes/sim-1", body, contentType });
  await until(async () => (await count(other, "state=OPERATION_STATE_SUCCEEDED")) >= COUNT + WARM + WAITING);
  print({ what: "all ended", operations: WAITING, afterKillMs: performance.now() - killed });
  await other.stop();
}

const WAITS = `apiVersion: apps/v1
kind: Deployment
metadata: { name: "{{ .Release.Name }}" }
spec:
  selector: { matchLabels: { app: "{{ .Release.Name }}" } }
  template:
    metadata: { labels: { app: "{{ .Release.Name }}" } }
    spec:
      nodeSelector: { bench-gate: open }
      containers: [{ name: main, image: registry.local/app:1 }]
`;

interface Running {
  readonly phase: string;
  readonly replica: string;
}

interface Page {
  readonly operations?: readonly Running[];
  readonly total_size: number;
  readonly next_page_token: string;
}

async function pages(gateway: Gateway, query: string): Promise<readonly Running[]> {
  const all: Running[] = [];
  for (let token = ""; ;) {
    const url = `${gateway.url}/v1/operations?${query}&page_size=500&page_token=${token}`;
    const page = (await (await fetch(url)).json()) as Page;
    all.push(...(page.operations ?? []));
    token = page.next_page_token;
    if (token === "") return all;
  }
}

async function countPhase(gateway: Gateway, phase: string): Promise<number> {
  return (await pages(gateway, "state=OPERATION_STATE_RUNNING")).filter((one) => one.phase === phase).length;
}

async function count(gateway: Gateway, query: string): Promise<number> {
  const page = (await (await fetch(`${gateway.url}/v1/operations?${query}&page_size=1`)).json()) as Page;
  return page.total_size;
}

async function replicasOf(gateway: Gateway): Promise<readonly string[]> {
  return [...new Set((await pages(gateway, "state=OPERATION_STATE_RUNNING")).map(({ replica }) => replica))];
}

async function until(is: () => Promise<boolean>): Promise<void> {
  while (!(await is())) await new Promise((resolve) => setTimeout(resolve, POLL));
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function quantile(numbers: readonly number[], q: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}

function print(line: Record<string, unknown>): void {
  const rounded = Object.entries(line).map(([key, value]) =>
    typeof value === "number" ? [key, Math.round(value * 10) / 10] : [key, value],
  );
  console.log(JSON.stringify(Object.fromEntries(rounded)));
}
