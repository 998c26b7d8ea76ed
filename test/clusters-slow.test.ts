import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import { ownTestCluster } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";
import { createKubeClient, loadKubeconfig } from "@berth/kube";
import type { KubeClient, ObjectMetadata } from "@berth/kube";

import { refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startApiFront } from "./support/api-front.ts";
import type { ApiFront, Mood } from "./support/api-front.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { eventually } from "./support/exposures.ts";
import { listReleases } from "./support/lists.ts";
import type { ReleaseList } from "./support/lists.ts";
import { storeRelease } from "./support/stored.ts";

/*
 * A cluster whose API server is neither well nor gone, behind a load balancer
 * that can be made bad: what of that others feel, and how soon all is well again.
 */

/** How soon lists are true again once all is well, in milliseconds. */
const CONVERGED = 5_000;
/** How soon a cluster of which nothing comes any more is said to be behind, and room for a busy machine. */
const NOTICED = 15_000 + 5_000;

let berth: TestBerth;
let far: DevCluster;
let kube: KubeClient;
let front: ApiFront;
let chart: string;
/** Operations that were asked for while nothing answered. */
const asked: string[] = [];

before(async () => {
  far = await ownTestCluster({ nodes: 0 });
  kube = createKubeClient(await loadKubeconfig(far.kubeconfig), { log: silentLogger, clock: systemClock });
  front = await startApiFront(far);
  berth = await startTestBerth();
  chart = await berth.charts.write("plain", { "templates/map.yaml": CONFIG_MAP });
  const credentials = { token: "any", certificate_authority: front.ca };
  const made = await berth.request("POST", "/v1/clusters", { name: "slow", server: front.url, credentials });
  assert.equal(made.status, 200, JSON.stringify(made.body));
  await settled("at first", 20_000);
});
after(async () => {
  front.mood = {};
  front.release();
  front.cut();
  await berth.request("DELETE", "/v1/clusters/slow");
  await berth[Symbol.asyncDispose]();
  await front[Symbol.asyncDispose]();
  await kube.close();
  await far[Symbol.asyncDispose]();
});

const names = ({ releases }: ReleaseList) => releases.map(({ namespace, name }) => `${namespace}/${name}`).sort();

/** Names of what is stored on the cluster. */
async function truth(): Promise<string[]> {
  const query = { labelSelector: "owner=helm" };
  const { items } = await kube.request<{ items: { metadata: ObjectMetadata }[] }>({ path: "/api/v1/secrets", query });
  return [...new Set(items.map(({ metadata }) => `${metadata.namespace ?? ""}/${metadata.labels?.name ?? ""}`))].sort();
}

/** Waits until the list of the cluster is what is stored there. */
async function settled(what: string, withinMs = CONVERGED): Promise<void> {
  await eventually(
    `${what}: the list is the truth`,
    async () => {
      const list = await listReleases(berth, "slow", "page_size=500");
      return list.isKnown && JSON.stringify(names(list)) === JSON.stringify(await truth()) ? true : undefined;
    },
    withinMs,
  );
}

/** The longest that each kind of question of others took, in milliseconds. */
async function measure(rounds: number, isOver: () => boolean): Promise<Record<string, number>> {
  const took: Record<string, number> = {};
  const timed = async (what: string, ask: () => Promise<{ readonly status: number; readonly body: unknown }>) => {
    const start = performance.now();
    const { status, body } = await ask();
    assert.equal(status, 200, `${what}: ${JSON.stringify(body)}`);
    took[what] = Math.max(took[what] ?? 0, performance.now() - start);
  };
  const ask = (path: string) => () => berth.request("GET", path);
  for (let round = 0; round < rounds || !isOver(); round++) {
    await timed("list", ask(`/v1/clusters/local/releases?page_size=500`));
    await timed("list of all", ask(`/v1/clusters/-/releases?page_size=500`));
    await timed("list of all by chart", ask(`/v1/clusters/-/releases?page_size=500&order_by=chart`));
    await timed("revisions of all", ask(`/v1/clusters/-/releases?page_size=500&all_revisions=true`));
    await timed("get", ask(`${berth.releases}/base`));
    await timed("history", ask(`${berth.releases}/base/history`));
    await timed("write", () => berth.request("PUT", `${berth.releases}/base`, { chart: { path: chart } }));
    await systemClock.sleep(100);
  }
  return took;
}

test("a cluster that accepts everything and answers nothing delays nobody, is noticed, and comes back", async () => {
  await storeRelease(kube, { namespace: "default", name: "before" });
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name: "base", chart: { path: chart } }));
  await settled("before");
  const calm = await measure(3, () => true);

  front.hold();
  const start = performance.now();
  // More than are worked on at once.
  const slow = "/v1/clusters/slow/namespaces/default/releases";
  for (let i = 0; i < 20; i++) {
    const install = { name: `held-${String(i)}`, chart: { path: chart } };
    const { status, body } = await berth.request<OperationAnswer>("POST", slow, install, { prefer: "respond-async" });
    assert.ok(status === 202 || status === 200, JSON.stringify(body));
    asked.push(body.id);
  }
  let noticed = 0;
  const looking = (async () => {
    while (noticed === 0) {
      const { stale } = await listReleases(berth, "-", "page_size=1");
      if (stale.some(({ cluster }) => cluster === "slow")) noticed = performance.now() - start;
      else await systemClock.sleep(50);
      assert.ok(performance.now() - start < NOTICED, "it is noticed in time");
    }
  })();
  const held = await measure(3, () => noticed > 0);
  await looking;
  for (const [what, ms] of Object.entries(held)) {
    const most = what === "write" ? 5_000 : what.startsWith("revisions") ? 6_000 : 2_000;
    assert.ok(ms < most, `${what} took ${String(ms)} ms, and ${String(calm[what])} ms before`);
  }
  const list = await listReleases(berth, "slow", "page_size=500");
  assert.deepEqual(names(list), ["default/before"]);
  assert.match(list.stale[0]?.reason ?? "", /did not answer in time/);
  const knownAt = Date.parse(list.stale[0]?.known_at ?? "");
  assert.ok(Date.now() - knownAt < NOTICED + 5_000);
  const asking = performance.now();
  refused(await berth.request("GET", `${slow}/before`), 503, "CLUSTER_UNREACHABLE");
  assert.ok(performance.now() - asking < 20_000, "whoever reads one release of it hears so soon");
  await storeRelease(kube, { namespace: "default", name: "meanwhile" });
  front.release();
  await settled("it answers again");
});

test("an API server that refuses, fails and drops at random is followed to the truth once it is well", async () => {
  const moods: readonly Mood[] = [
    { refuses: { share: 0.7, status: 429, retryAfter: "1" } },
    { refuses: { share: 0.7, status: 500 } },
    { refuses: { share: 1, status: 503 } },
    { drops: 0.5 },
  ];
  for (const [index, mood] of moods.entries()) {
    front.mood = mood;
    // Every watch is to feel it, not only those that end meanwhile.
    front.cut();
    await storeRelease(kube, { namespace: "default", name: `moody-${String(index)}` });
    await systemClock.sleep(1_500);
    await storeRelease(kube, { namespace: "kube-public", name: `moody-${String(index)}` });
    front.mood = {};
    await settled(JSON.stringify(mood));
  }
  assert.ok(front.refused() > 5, String(front.refused()));
});

test("an API server whose answers come byte by byte is followed all the same", async () => {
  for (let i = 0; i < 20; i++) await storeRelease(kube, { namespace: "default", name: `many-${String(i)}` });
  await settled("there are many");
  front.mood = { bytesPerSecond: 10_000 };
  front.cut();
  await storeRelease(kube, { namespace: "default", name: "drop-by-drop" });
  await settled("slowly", 20_000);
  const { body } = await berth.request<ReleaseAnswer>("GET", "/v1/clusters/slow/namespaces/default/releases/many-1");
  assert.equal(body.name, "many-1");
  front.mood = {};
});

test("what was asked while nothing answered has an ending", async () => {
  assert.equal(asked.length, 20);
  for (const id of asked) {
    await eventually(
      `${id} has ended`,
      async () => ((await berth.request<OperationAnswer>("GET", `/v1/operations/${id}`)).body.done ? true : undefined),
      60_000,
    );
  }
});
