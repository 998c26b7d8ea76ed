import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";

import { silentLogger, systemClock } from "@berth/base";
import { ensureEngine, ownTestCluster } from "@berth/devcluster";
import { createKubeClient, createObject, loadKubeconfig } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { startGateway } from "./gateway.ts";
import type { Gateway } from "./gateway.ts";
import { post } from "./post.ts";

/** Claims and raw objects of one measurement. */
const COUNT = 1_500;
const CALLERS = 32;
const claims = { group: "berth.dev", version: "v1alpha1", plural: "portclaims" };
const CLUSTER = "/v1/clusters/local";
const EXPOSURES = `${CLUSTER}/namespaces/default/exposures`;

/** Claims a second with one and three replicas beside raw creates of the same object; exposures from request to ready. */
export async function measureExposures(): Promise<void> {
  const engine = await ensureEngine();
  await using cluster = await ownTestCluster();
  const kube = createKubeClient(await loadKubeconfig(cluster.kubeconfig), { log: silentLogger, clock: systemClock });
  const replicas: Gateway[] = [];
  try {
    replicas.push(await startGateway(cluster, engine));
    await makePool(replicas[0] as Gateway);
    await measureRaw(kube, 0);
    await measureClaims(replicas);
    await measureReady(replicas);
    while (replicas.length < 3) replicas.push(await startGateway(cluster, engine));
    await measureRaw(kube, 1);
    await measureClaims(replicas);
    await measureReady(replicas);
  } finally {
    for (const replica of replicas) await replica.stop();
    await kube.close();
  }
}

async function makePool(gateway: Gateway): Promise<void> {
  const ports = { from: 10_000, to: 60_000 };
  const pool = { name: "bench", driver: "DRIVER_CONFIGMAP", ports, all_namespaces: true };
  await send(gateway, `${CLUSTER}/pools`, pool);
  const configmap = { namespace: "default", tcp: "tcp-services" };
  await send(gateway, `${CLUSTER}/pools/bench/addresses`, { name: "bench", address: "192.0.2.1", configmap });
  for (;;) {
    const answer = await fetch(`${gateway.url}${CLUSTER}/pools/bench`);
    if (((await answer.json()) as { ready: boolean }).ready) return;
    await systemClock.sleep(100);
  }
}

/** What the API server takes of the very same objects, on an address that nobody has. */
async function measureRaw(kube: KubeClient, round: number): Promise<void> {
  const rate = await timed(async (index) => {
    const port = 10_000 + round * COUNT + index;
    const spec = {
      slot: "raw",
      protocol: "tcp",
      port,
      pool: "raw",
      exposure: { namespace: "a", name: "a", uid: randomUUID() },
    };
    const metadata = { name: `raw.tcp.${String(port)}` };
    await createObject(
      kube,
      { resource: claims },
      { apiVersion: "berth.dev/v1alpha1", kind: "PortClaim", metadata, spec },
    );
  }, COUNT);
  report({ what: "raw creates", ...rate });
}

async function measureClaims(replicas: readonly Gateway[]): Promise<void> {
  const rate = await timed(async (index) => {
    await send(replicas[index % replicas.length] as Gateway, `${EXPOSURES}:reserve`, { pool: "bench", ttl: "3600s" });
  }, COUNT);
  report({ what: "claims", replicas: replicas.length, ...rate });
}

/** Exposures whose service is missing are claimed and judged; nothing is written for them on the data plane. */
async function measureReady(replicas: readonly Gateway[]): Promise<void> {
  const rate = await timed(async (index) => {
    const body = { service: `s-${randomUUID().slice(0, 8)}`, service_port: 80, pool: "bench" };
    await send(replicas[index % replicas.length] as Gateway, EXPOSURES, body);
  }, COUNT / 5);
  report({ what: "exposures with a port", replicas: replicas.length, ...rate });
}

async function timed(work: (index: number) => Promise<void>, count: number) {
  const times: number[] = [];
  let next = 0;
  const caller = async () => {
    while (next < count) {
      const index = next++;
      const start = performance.now();
      await work(index);
      times.push(performance.now() - start);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const seconds = (performance.now() - start) / 1000;
  const sorted = times.sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
  return { count, perSecond: Math.round(count / seconds), p50: at(0.5), p99: at(0.99) };
}

async function send(gateway: Gateway, path: string, body: object): Promise<void> {
  const answer = await post(gateway.url + path, body);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.body}`);
}

function report(line: object): void {
  console.log(JSON.stringify({ bench: "expose", ...line }));
}
