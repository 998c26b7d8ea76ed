import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { compactEtcd, ownTestCluster, testNamespace } from "@berth/devcluster";
import type { DevCluster, TestNamespace } from "@berth/devcluster";
import { createKubeClient, deleteObject, isGone, loadKubeconfig } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { startConnectProxy } from "./support/connect-proxy.ts";
import type { ConnectProxy } from "./support/connect-proxy.ts";
import { eventually } from "./support/exposures.ts";
import { listReleases, newestByList, toLine } from "./support/lists.ts";
import { storeRelease } from "./support/stored.ts";

/*
 * Lists while API servers are killed, forget and come back. The home is a
 * cluster of the test's own, which Berth follows by a proxy as another one, too;
 * a third cluster is well all the time.
 */

/** How soon lists are true again once all is well, in milliseconds. */
const CONVERGED = 5_000;
/** How often everything is killed and forgotten. */
const ROUNDS = Number(process.env.BERTH_TEST_ROUNDS ?? 2);
/** Longer than Berth asks a declared cluster, and reads its credentials, once. */
const HOME_AWAY = 13_000;

let berth: TestBerth;
let own: DevCluster;
let kube: KubeClient;
let proxy: ConnectProxy;
let place: TestNamespace;
let placeKube: KubeClient;
/** Watches whose resourceVersion was forgotten. */
let forgotten = 0;

const log: Logger = {
  ...silentLogger,
  warn: ({ error }, message) => void (/a watch broke/.test(message) && isGone(error) && forgotten++),
};

/** A wall clock that jumps by up to a day, whoever looks at it; time itself passes as ever. */
const jumping: Clock = {
  ...systemClock,
  now: () => Date.now() + (Math.random() - 0.5) * 2 * 86_400_000,
};
let clock: Clock = systemClock;

before(async () => {
  own = await ownTestCluster({ nodes: 0 });
  const connect = async (path: string) =>
    createKubeClient(await loadKubeconfig(path), { log: silentLogger, clock: systemClock });
  kube = await connect(own.kubeconfig);
  proxy = await startConnectProxy();
  place = await testNamespace();
  placeKube = await connect(place.kubeconfig);
  const switched: Clock = { ...systemClock, now: () => clock.now() };
  berth = await startTestBerth({ kubeconfig: own.kubeconfig, log, clock: switched });
  for (const request of [
    { name: "storm", proxy_url: proxy.url, credentials: { kubeconfig: await readFile(own.kubeconfig, "utf8") } },
    {
      name: "well",
      watch_namespaces: [place.namespace],
      credentials: { kubeconfig: await readFile(place.kubeconfig, "utf8") },
    },
  ]) {
    const made = await berth.request("POST", "/v1/clusters", request);
    assert.equal(made.status, 200, JSON.stringify(made.body));
  }
  await storeRelease(placeKube, { namespace: place.namespace, name: "always" });
  await eventually("all are followed", async () => {
    const { releases, isKnown } = await listReleases(berth, "-", "page_size=500");
    return isKnown && releases.length === 1 ? true : undefined;
  });
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await placeKube.close();
  await place[Symbol.asyncDispose]();
  await kube.close();
  await own[Symbol.asyncDispose]();
});

/** Writes and deletes records until it is told to end, whatever the API server answers. */
function startWriters(): { end(): Promise<void> } {
  let isOver = false;
  const secrets = { group: "", version: "v1", plural: "secrets" };
  const write = async (who: string) => {
    for (let round = 0; !isOver; round++) {
      const name = `w-${who}-${String(round % 20)}`;
      const object = `sh.helm.release.v1.${name}.v1`;
      await (
        round % 3 === 2
          ? deleteObject(kube, { resource: secrets, namespace: "default", name: object })
          : storeRelease(kube, { namespace: "default", name, revision: 1 + (round % 2) })
      ).catch(() => undefined);
      await systemClock.sleep(5);
    }
  };
  const writers = Promise.all(["a", "b", "c"].map(write));
  return {
    async end() {
      isOver = true;
      await writers;
    },
  };
}

/** Waits until each way to the cluster lists what a full LIST says. */
async function settled(what: string): Promise<void> {
  const truth = await newestByList(kube);
  for (const cluster of ["local", "storm"]) {
    await eventually(
      `${what}: the list of ${cluster} is the truth`,
      async () => {
        const { isKnown, releases } = await listReleases(berth, cluster, "page_size=500");
        return isKnown && JSON.stringify(releases.map(toLine).sort()) === JSON.stringify(truth) ? true : undefined;
      },
      CONVERGED,
    );
  }
}

/** What a list says of the cluster that is well, and that it says so soon. */
async function isWell(): Promise<void> {
  const start = performance.now();
  for (const cluster of ["well", "-"]) {
    const { status, releases, stale } = await listReleases(berth, cluster, "page_size=500");
    assert.equal(status, 200);
    assert.ok(releases.some((one) => one.cluster === "well" && one.name === "always"));
    assert.deepEqual(
      stale.filter((one) => one.cluster === "well"),
      [],
    );
  }
  assert.ok(performance.now() - start < 2_000, "nobody waits for the dead");
}

test("API servers that are killed, and have forgotten each time, are followed to the truth in 5 s", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const writers = startWriters();
    await systemClock.sleep(300);
    proxy.close();
    // What is written now is not seen by that way, and then forgotten.
    await systemClock.sleep(300);
    await compactEtcd(own);
    const restarting = own.components["kube-apiserver"].restart("SIGKILL");
    await isWell();
    await restarting;
    await own.ready();
    await systemClock.sleep(300);
    await writers.end();
    proxy.mend();
    await settled(`round ${String(round)}`);
    await isWell();
  }
  assert.ok(forgotten >= ROUNDS, `${String(forgotten)} times 410`);
});

test("a home that does not answer takes no other cluster from the lists", async () => {
  await own.components["kube-apiserver"].stop("SIGKILL");
  const end = performance.now() + HOME_AWAY;
  await storeRelease(placeKube, { namespace: place.namespace, name: "meanwhile" });
  while (performance.now() < end) {
    await isWell();
    await systemClock.sleep(200);
  }
  const { releases } = await listReleases(berth, "well", "page_size=500");
  assert.deepEqual(releases.map(({ name }) => name).sort(), ["always", "meanwhile"]);
  const all = await listReleases(berth, "-", "page_size=1");
  assert.deepEqual(all.stale.map(({ cluster }) => cluster).sort(), ["local", "storm"]);
  assert.ok(all.stale.every(({ known_at }) => Date.now() - Date.parse(known_at ?? "") < HOME_AWAY + 5_000));
  await own.components["kube-apiserver"].start();
  await own.ready();
  await settled("the home is back");
});

test("a wall clock that jumps, and records of other times, break neither order nor freshness", async () => {
  const chart = await berth.charts.write("timely", { "templates/map.yaml": CONFIG_MAP });
  clock = jumping;
  for (const [name, year] of [
    ["past", "1971"],
    ["future", "2999"],
  ] as const) {
    // Each revision is newer than the one before, whatever time it names.
    const deployed = new Date(`${year}-01-01T00:00:00Z`);
    await storeRelease(kube, { namespace: "default", name, revision: 1, deployed: new Date(), status: "superseded" });
    await storeRelease(kube, { namespace: "default", name, revision: 2, deployed });
  }
  const place = `/v1/clusters/storm/namespaces/default/releases`;
  for (let round = 0; round < 3; round++) {
    const body = { name: `timely-${String(round)}`, chart: { path: chart } };
    const { result } = succeeded(await berth.request<OperationAnswer>("POST", place, body));
    const fresh = await listReleases(berth, "storm", `min_resource_version=${result?.resource_version ?? ""}`);
    assert.ok(fresh.isKnown && fresh.releases.some(({ name }) => name === body.name));
    proxy.cut();
    await settled("a jump");
  }
  const { releases } = await listReleases(berth, "storm", "order_by=updated&page_size=500");
  const order = releases.map(({ name }) => name);
  assert.deepEqual([order[0], order.at(-1)], ["past", "future"]);
  assert.ok(releases.every(({ name, revision }) => !["past", "future"].includes(name) || revision === 2));
  clock = systemClock;
});
