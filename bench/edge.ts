import { spawn } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

import { silentLogger, systemClock } from "@berth/base";
import { releaseService } from "@berth/contract";
import { ensureEngine, ownTestCluster, repository } from "@berth/devcluster";
import { createKubeClient, ensureNamespace, loadKubeconfig } from "@berth/kube";
import type { KubeClient, KubeObject } from "@berth/kube";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import { cpuOf } from "./cpu.ts";
import { PLACE, byConnect, byGrpc, byRest } from "./edge-load.ts";
import type { Caller } from "./edge-load.ts";
import { startGateway } from "./gateway.ts";
import type { Gateway } from "./gateway.ts";
import { post } from "./post.ts";

/** Milliseconds of a measurement, and before the first of each. */
const MEASURE = 4_000;
const WARM = 2_000;
/** Rounds of Berth and the bare handlers, in turn. */
const ROUNDS = 3;
const CALLERS = 8;
/** Releases of the list, and of a page. */
const RELEASES = 10_000;
const PAGE = 500;

const PROTOCOLS: Readonly<Record<"rest" | "connect" | "grpc", (url: string) => Caller>> = {
  rest: byRest,
  connect: byConnect,
  grpc: byGrpc,
};
type Protocol = keyof typeof PROTOCOLS;

/** Who answers. */
interface Subject {
  readonly name: "berth" | "bare";
  readonly pid: number;
  readonly urls: Readonly<Record<Protocol, string>>;
}

/**
 * `GET release` by each protocol beside a bare Fastify route and bare Connect handlers that answer the same, each server on
 * one core, whoever asks on another; then 10,000 releases by pages.
 */
export async function measureEdge(): Promise<void> {
  const engine = await ensureEngine();
  await using cluster = await ownTestCluster();
  const kube = createKubeClient(await loadKubeconfig(cluster.kubeconfig), { log: silentLogger, clock: systemClock });
  // Node's own threads and the engine beside it: all on one core, as the bare one.
  const pin = await pinned();
  const gateway = await startGateway(cluster, engine, pin);
  await ensureNamespace(kube, PLACE.namespace);
  const chart = { path: join(repository, "bench/chart") };
  while (!(await fetch(`${gateway.url}/readyz`)).ok) await systemClock.sleep(100);
  const installed = await post(`${gateway.url}${LIST}?wait=60`, { name: PLACE.name, chart });
  if (installed.status !== 200) throw new Error(`The install answered ${installed.body}`);
  const answer = await (await fetch(`${gateway.url}${LIST}/${PLACE.name}`)).text();
  const bare = await startBare(answer, pin);
  try {
    const { url, pid } = gateway;
    const berth: Subject = { name: "berth", pid, urls: { rest: url, connect: url, grpc: url } };
    console.log(JSON.stringify({ release: { jsonBytes: Buffer.byteLength(answer), oneCore: pin.length > 0 } }));
    for (const protocol of Object.keys(PROTOCOLS) as Protocol[]) await compare(protocol, [bare.subject, berth]);
    await measureList(kube, gateway);
  } finally {
    bare.stop();
    await gateway.stop();
    await kube.close();
  }
}

const LIST = `/v1/clusters/local/namespaces/${PLACE.namespace}/releases`;

/** What has a program run on one core, where that can be had. */
async function pinned(): Promise<readonly string[]> {
  const found = await access("/usr/bin/taskset").then(
    () => true,
    () => false,
  );
  return found ? ["/usr/bin/taskset", "-c", "0"] : [];
}

async function startBare(answer: string, pin: readonly string[]): Promise<{ subject: Subject; stop(): void }> {
  const script = join(repository, "bench/edge-bare.ts");
  const [program, ...args] = [...pin, process.execPath, script];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(answer);
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const urls = JSON.parse(String(line)) as Subject["urls"];
  return { subject: { name: "bare", pid: child.pid ?? 0, urls }, stop: () => void child.kill() };
}

interface Measure {
  readonly requests: number;
  readonly seconds: number;
  readonly cpuMs: number;
  readonly times: readonly number[];
  readonly bytes: number;
}

async function compare(protocol: Protocol, subjects: readonly Subject[]): Promise<void> {
  const rounds = new Map<Subject["name"], Measure[]>();
  for (const { urls } of subjects) await load(PROTOCOLS[protocol](urls[protocol]), WARM);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const { name, pid, urls } of subjects) {
      const before = await cpuOf(pid);
      const measured = await load(PROTOCOLS[protocol](urls[protocol]), MEASURE);
      rounds.set(name, [...(rounds.get(name) ?? []), { ...measured, cpuMs: (await cpuOf(pid)) - before }]);
    }
  }
  const [bare, berth] = (["bare", "berth"] as const).map((name) => report(protocol, name, rounds.get(name) ?? []));
  if (bare === undefined || berth === undefined) return;
  const ratio = (of: "perSecond" | "perCoreSecond") => Math.round((berth[of] / bare[of]) * 100) / 100;
  console.log(JSON.stringify({ ratios: { protocol, perSecond: ratio("perSecond"), perCore: ratio("perCoreSecond") } }));
}

function report(protocol: Protocol, subject: Subject["name"], rounds: readonly Measure[]) {
  const sum = (of: (one: Measure) => number) => rounds.reduce((all, one) => all + of(one), 0);
  const requests = sum((one) => one.requests);
  const times = rounds.flatMap((one) => one.times).sort((a, b) => a - b);
  const at = (part: number) => Math.round((times[Math.floor(times.length * part)] ?? 0) * 100) / 100;
  const cpuMs = sum((one) => one.cpuMs);
  const measured = {
    ...{ protocol, subject, requests, perSecond: Math.round(requests / sum((one) => one.seconds)) },
    ...{ p50Ms: at(0.5), p99Ms: at(0.99), bytes: rounds[0]?.bytes ?? 0 },
    // What a core could do that does nothing else, whoever asks.
    perCoreSecond: Math.round((requests / cpuMs) * 1000),
  };
  console.log(JSON.stringify(measured));
  return measured;
}

async function load(caller: Caller, ms: number): Promise<Omit<Measure, "cpuMs">> {
  const times: number[] = [];
  let bytes = 0;
  const begun = performance.now();
  const work = async () => {
    for (let at = performance.now(); at - begun < ms; at = performance.now()) {
      bytes = await caller.ask();
      times.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, work));
  caller.close();
  return { requests: times.length, seconds: (performance.now() - begun) / 1000, times, bytes };
}

/** The API has no stream of releases: a list of all is read page by page, first when nothing is decoded, then again. */
async function measureList(kube: KubeClient, gateway: Gateway): Promise<void> {
  await makeReleases(kube);
  const size = async () => {
    const answer = await fetch(`${gateway.url}${LIST}?page_size=1`);
    return ((await answer.json()) as { total_size: number }).total_size;
  };
  while ((await size()) < RELEASES) await systemClock.sleep(500);
  for (const protocol of ["rest", "rest", "connect"] as const) {
    const before = await cpuOf(gateway.pid);
    const begun = performance.now();
    const { bytes, pages } = await readAll(gateway.url, protocol);
    const seconds = Math.round(performance.now() - begun) / 1000;
    const cpuMs = (await cpuOf(gateway.pid)) - before;
    console.log(JSON.stringify({ list: { protocol, releases: RELEASES, pages, bytes, seconds, cpuMs } }));
  }
}

async function readAll(url: string, protocol: "rest" | "connect"): Promise<{ bytes: number; pages: number }> {
  let [bytes, pages] = [0, 0];
  for (let token = ""; ;) {
    const page = await (protocol === "rest" ? restPage(url, token) : connectPage(url, token));
    bytes += page.bytes;
    pages += 1;
    token = page.next;
    if (token === "") return { bytes, pages };
  }
}

async function restPage(url: string, token: string): Promise<{ bytes: number; next: string }> {
  const answer = await (await fetch(`${url}${LIST}?page_size=${String(PAGE)}&page_token=${token}`)).text();
  return {
    bytes: Buffer.byteLength(answer),
    next: (JSON.parse(answer) as { next_page_token: string }).next_page_token,
  };
}

async function connectPage(url: string, token: string): Promise<{ bytes: number; next: string }> {
  const { cluster, namespace } = PLACE;
  const body = toBinary(
    releaseService.ListReleasesRequestSchema,
    create(releaseService.ListReleasesRequestSchema, { cluster, namespace, pageSize: PAGE, pageToken: token }),
  );
  const answer = await fetch(`${url}/berth.v1.ReleaseService/ListReleases`, {
    method: "POST",
    headers: { "content-type": "application/proto" },
    body: new Uint8Array(body),
  });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const { nextPageToken: next } = fromBinary(releaseService.ListReleasesResponseSchema, bytes);
  return { bytes: bytes.length, next };
}

/** Copies of the one release under other names: a list takes name and namespace from the object. */
async function makeReleases(kube: KubeClient): Promise<void> {
  const path = `/api/v1/namespaces/${PLACE.namespace}/secrets`;
  const secret = await kube.request<KubeObject & { data: object; type: string }>({
    path: `${path}/sh.helm.release.v1.${PLACE.name}.v1`,
  });
  let next = 1;
  const work = async () => {
    for (let at = next++; at < RELEASES; at = next++) {
      const name = `web-${String(at)}`;
      const labels = { ...secret.metadata.labels, name };
      const metadata = { name: `sh.helm.release.v1.${name}.v1`, labels };
      const { data, type } = secret;
      await kube.request({ method: "POST", path, body: { apiVersion: "v1", kind: "Secret", metadata, data, type } });
    }
  };
  await Promise.all(Array.from({ length: CALLERS * 2 }, work));
}
