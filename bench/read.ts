import { readFile } from "node:fs/promises";
import { performance } from "node:perf_hooks";

import { silentLogger, systemClock } from "@berth/base";
import { ensureEngine, ownTestCluster } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";
import { createInformer, createKubeClient, loadKubeconfig } from "@berth/kube";
import type { KubeClient } from "@berth/kube";
import { Pool } from "undici";

import { helm } from "../test/support/helm.ts";
import { readEvents } from "../test/support/events.ts";
import { storeRelease } from "../test/support/stored.ts";
import { startGateway } from "./gateway.ts";
import type { Gateway } from "./gateway.ts";
import { post } from "./post.ts";
import { fill, namespaceOf } from "./read/fill.ts";
import { measureStart } from "./read/start.ts";

const CLUSTERS = 3;
/** Milliseconds of each measurement, and of what goes before it. */
const MEASURE = 5_000;
const WARM = 2_000;
/** Releases that are read again and again. */
const FAVOURITES = 200;
const CALLERS = [1, 8, 64];
/** Changes whose way to the stream is measured. */
const CHANGES = 200;

/**
 * Reads over many releases in three clusters, beside helm and a raw LIST: pages, one release, history; memory, time until
 * ready, and from a change to the event of a watched list. BERTH_BENCH_RELEASES says how many; 10,000 unless it does.
 */
export async function measureReads(): Promise<void> {
  const releases = Number(process.env.BERTH_BENCH_RELEASES ?? 10_000);
  const engine = await ensureEngine();
  await using clusters = new AsyncDisposableStack();
  const all: DevCluster[] = [];
  for (let index = 0; index < CLUSTERS; index++) all.push(clusters.use(await ownTestCluster({ nodes: 0 })));
  const [home] = all as [DevCluster, ...DevCluster[]];
  await fill(all, releases);
  const kube = createKubeClient(await loadKubeconfig(home.kubeconfig), { log: silentLogger, clock: systemClock });
  const gateway = await startAll(all, engine, releases);
  try {
    const lists = await listsOf(kube);
    await measurePages(gateway, releases);
    report({ what: "LIST of records at the API server meanwhile", count: (await listsOf(kube)) - lists });
    await measureChange(gateway, kube);
    await measurePeers(home, kube, releases);
  } finally {
    await gateway.stop();
    await kube.close();
  }
}

/** Declares the clusters, as they are for a replica that starts again, and starts the gateway over all of them. */
async function startAll(all: readonly DevCluster[], engine: string, releases: number): Promise<Gateway> {
  const [home, ...others] = all as [DevCluster, ...DevCluster[]];
  const first = await startGateway(home, engine);
  for (const [index, cluster] of others.entries()) {
    const kubeconfig = await readFile(cluster.kubeconfig, "utf8");
    await post(`${first.url}/v1/clusters`, { name: `c-${String(index)}`, credentials: { kubeconfig } });
  }
  await first.stop();
  return measureStart({ home, engine, releases });
}

async function measurePages(gateway: Gateway, releases: number): Promise<void> {
  // Every third is at home.
  const one = (any: number) => {
    const index = (any % Math.floor(releases / CLUSTERS)) * CLUSTERS;
    return `/v1/clusters/local/namespaces/${namespaceOf(index)}/releases/r-${String(index).padStart(5, "0")}`;
  };
  const paths: Readonly<Record<string, (index: number) => string>> = {
    "page of 50, filtered and sorted": () =>
      "/v1/clusters/-/releases?status=deployed&chart=redis&order_by=updated%20desc&page_size=50",
    "page of 50, of a namespace": (index) =>
      `/v1/clusters/local/namespaces/${namespaceOf(index)}/releases?page_size=50`,
    "get, read before": (index) => `${one(index % FAVOURITES)}?min_resource_version=0`,
    "history, read before": (index) => `${one(index % FAVOURITES)}/history`,
    get: (index) => `${one(index)}?min_resource_version=0`,
    "get, as stored by now": one,
    history: (index) => `${one(index)}/history`,
  };
  for (const [what, path] of Object.entries(paths)) {
    for (const callers of CALLERS) {
      const pool = new Pool(gateway.url, { connections: callers });
      const times = await load(callers, async (index) => {
        const { statusCode, body } = await pool.request({ path: path(index), method: "GET" });
        const text = await body.text();
        if (statusCode !== 200) throw new Error(`${what}: ${text}`);
      });
      report({ what, callers, perSecond: Math.round(times.length / (MEASURE / 1000)), ...quantiles(times) });
      await pool.close();
    }
  }
}

/** From the write's answer to the event, beside the API server's own watch of the same object. */
async function measureChange(gateway: Gateway, kube: KubeClient): Promise<void> {
  const [written, raw, told] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()];
  const informer = createInformer<string>({
    ...{ client: kube, resource: { group: "", version: "v1", plural: "secrets" }, namespace: "default" },
    ...{ metadataOnly: true, log: silentLogger, clock: systemClock, labelSelector: "owner=helm" },
    transform: ({ metadata }) => metadata.labels?.name,
  });
  informer.onChange((change) => {
    if (change.type === "added") raw.set(change.object, performance.now());
  });
  informer.start();
  await informer.synced();
  const url = `${gateway.url}/v1/clusters/local/namespaces/default/releases:watch`;
  const reading = (async () => {
    for await (const { event, data } of readEvents(url)) {
      const { name = "" } = (data.release ?? {}) as { name?: string };
      if (event === "added" && !told.has(name)) told.set(name, performance.now());
      if (told.size === CHANGES) return;
    }
  })();
  await systemClock.sleep(500);
  for (let index = 0; index < CHANGES; index++) {
    const name = `change-${String(index)}`;
    written.set(name, performance.now());
    await storeRelease(kube, { namespace: "default", name });
    await systemClock.sleep(10);
  }
  await reading;
  await informer.stop();
  const over = [...told].map(([name, at]) => at - (raw.get(name) ?? at)).sort((a, b) => a - b);
  const whole = [...told].map(([name, at]) => at - (written.get(name) ?? at)).sort((a, b) => a - b);
  report({ what: "change to stream event, over the API server's own watch", count: CHANGES, ...quantiles(over) });
  report({ what: "change to stream event, from the write's begin", count: CHANGES, ...quantiles(whole) });
}

/** What helm and the API server take for a list of the home cluster alone: a third of the releases. */
async function measurePeers(home: DevCluster, kube: KubeClient, releases: number): Promise<void> {
  const share = Math.round(releases / CLUSTERS);
  for (const [what, ...args] of [
    ["helm list -A", "list", "-A", "--max", "0"],
    ["helm list -n", "list", "-n", namespaceOf(0)],
    ["helm status", "status", "r-00000", "-n", namespaceOf(0)],
  ] as const) {
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      const start = performance.now();
      await helm(home.kubeconfig, ...args);
      times.push(performance.now() - start);
    }
    report({ what, releases: share, ...quantiles(times.sort((a, b) => a - b)) });
  }
  const start = performance.now();
  for (let from = ""; ;) {
    const query = { limit: "500", labelSelector: "owner=helm", ...(from === "" ? {} : { continue: from }) };
    const page = await kube.request<{ metadata: { continue?: string } }>({ path: "/api/v1/secrets", query });
    from = page.metadata.continue ?? "";
    if (from === "") break;
  }
  report({ what: "raw LIST by pages of 500", releases: share, ms: Math.round(performance.now() - start) });
}

async function load(callers: number, work: (index: number) => Promise<void>): Promise<number[]> {
  let next = 0;
  const times: number[] = [];
  const begin = performance.now() + WARM;
  const end = begin + MEASURE;
  const caller = async () => {
    while (performance.now() < begin) await work(next++);
    while (performance.now() < end) {
      const start = performance.now();
      await work(next++);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return times.sort((a, b) => a - b);
}

/** LIST requests for Secrets that the API server has answered. */
async function listsOf(kube: KubeClient): Promise<number> {
  let text = "";
  for await (const chunk of await kube.stream({ path: "/metrics", accept: "text/plain" })) text += chunk.toString();
  return text
    .split("\n")
    .filter((line) => line.startsWith("apiserver_request_total{") && /resource="(secrets|configmaps)"/.test(line))
    .filter((line) => line.includes('verb="LIST"'))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

function quantiles(sorted: readonly number[]) {
  const at = (share: number) =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10;
  return { p50: at(0.5), p99: at(0.99) };
}

function report(line: object): void {
  console.log(JSON.stringify({ bench: "read", ...line }));
}
