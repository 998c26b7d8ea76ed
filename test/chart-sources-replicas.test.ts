import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { after, before, test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import type { Clock } from "@berth/base";
import { startEngine } from "@berth/engine-client";
import type { Engine } from "@berth/engine-client";
import { loadKubeconfig } from "@berth/kube";

import { createChartSourceController } from "../packages/server/src/controllers/chart-sources.ts";
import { createAskSource } from "../packages/server/src/domain/chart-sources/actions/ask.ts";
import { createSourceCache } from "../packages/server/src/domain/chart-sources/index.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { applyByHand, sourcesPath, untilReady } from "./support/chart-sources.ts";
import type { SourceObject } from "./support/chart-sources.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { startRepository } from "./support/index-repository.ts";
import type { TestRepository } from "./support/index-repository.ts";

/** How much faster time goes for the replicas: their minute is a second. */
const HASTE = 60;

/** The machine's clock, made fast: intervals of a minute and more are seen to their end. */
const hastyClock: Clock = {
  now: () => BEGIN + (systemClock.now() - BEGIN) * HASTE,
  monotonic: () => systemClock.monotonic() * HASTE,
  sleep: (ms, signal) => systemClock.sleep(ms / HASTE, signal),
};
const BEGIN = systemClock.now();

let berth: TestBerth;
let repository: TestRepository;
let engine: Engine;

before(async () => {
  berth = await startTestBerth();
  repository = await startRepository(berth.charts.path);
  const chart = await berth.charts.write("web", { "templates/config.yaml": CONFIG_MAP });
  await berth.helm("package", chart, "-d", berth.charts.path);
  await berth.helm("repo", "index", berth.charts.path);
  const binary = process.env.BERTH_ENGINE ?? "";
  engine = await startEngine({ binary, allowLocalCharts: false, log: silentLogger });
});
after(async () => {
  await engine.stop();
  await repository[Symbol.asyncDispose]();
  await berth[Symbol.asyncDispose]();
});

/** The part of a replica that looks after chart sources, on a clock of its own. */
async function startReplica() {
  const home = {
    name: "local",
    connection: await loadKubeconfig(berth.kubeconfig),
    client: berth.kube,
    watchNamespaces: [],
  };
  const cache = createSourceCache(home, silentLogger, systemClock);
  const egress = { allowLoopback: true, allowLinkLocal: false, allowedHosts: [], allowedCidrs: [] };
  const ask = createAskSource({ engine, egress });
  // What other tests have on the cluster is none of its business: its time is not theirs.
  const onChange: typeof cache.onChange = (listener) =>
    cache.onChange((key) => void (key.startsWith(`${berth.namespace}/`) && listener(key)));
  const own = { ...cache, onChange };
  const controller = createChartSourceController({ home, cache: own, ask, log: silentLogger, clock: hastyClock });
  cache.start();
  return async () => {
    await controller.stop();
    await cache.stop();
  };
}

test("replicas ask a source at its interval, each for itself, and write one status between them", async () => {
  await applyByHand(berth, "ChartSource", "often", { spec: { url: repository.url, refreshInterval: "1m" } });
  await untilReady(berth, "often", "True");
  const stops = await Promise.all([startReplica(), startReplica(), startReplica()]);
  const read = () => berth.object<SourceObject>(`${sourcesPath(berth.namespace).slice(1)}/often`);
  /** The time of each status that was written: of the replicas it is minutes ahead. */
  const [ahead, others] = [new Set<string>(), new Set<string>()];
  const { asked } = repository;
  const before = asked.whole + asked.unchanged;
  const seconds = 6;
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await systemClock.sleep(20)) {
    const time = (await read())?.status?.lastRefreshTime ?? "";
    (Date.parse(time) > Date.now() + 20_000 ? ahead : others).add(time);
  }
  await Promise.all(stops.map((stop) => stop()));
  const count = asked.whole + asked.unchanged - before;
  // Three replicas, an interval of a second to 1.1 s; a busy machine does less.
  assert.ok(count >= 6, `asked ${String(count)} times`);
  assert.ok(asked.whole < asked.unchanged, "an engine that has the index asks whether it has changed");
  // A Berth of another test that starts meanwhile writes what is true by its clock, and the replicas by theirs again.
  const most = seconds / 0.9 + 2 + others.size;
  assert.ok(
    ahead.size >= 3 && ahead.size <= most,
    `${String(ahead.size)} written, and ${String(others.size)} by others`,
  );
});

test("a replica that stops waits for no source that is silent", async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => void sockets.push(socket)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const url = `http://127.0.0.1:${String((silent.address() as AddressInfo).port)}`;
  await applyByHand(berth, "ChartSource", "silent", { spec: { url } });
  const stop = await startReplica();
  // The one of this Berth and that of the replica.
  while (sockets.length < 2) await systemClock.sleep(20);
  const begin = performance.now();
  await stop();
  assert.ok(performance.now() - begin < 5_000);
  sockets.forEach((socket) => socket.destroy());
  silent.close();
});
