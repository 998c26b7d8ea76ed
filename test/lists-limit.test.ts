import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { testNamespace } from "@berth/devcluster";
import type { TestNamespace } from "@berth/devcluster";
import { deleteObject } from "@berth/kube";

import { refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { eventually } from "./support/exposures.ts";
import { listReleases } from "./support/lists.ts";
import { storeRelease } from "./support/stored.ts";

/*
 * More stored revisions than Berth follows: it refuses rather than dies. The
 * cluster of the test run is three here, each narrowed to a namespace.
 */

const LIMIT = 5;
/** The clusters of this test. */
const NAMES = ["local", "full", "other"];

let berth: TestBerth;
let home: TestNamespace;
let full: TestNamespace;
let other: TestNamespace;

before(async () => {
  [home, full, other] = [await testNamespace(), await testNamespace(), await testNamespace()];
  berth = await startTestBerth({
    config: { releases: { maxStoredRevisions: LIMIT } },
    environment: { BERTH_WATCH_NAMESPACES: home.namespace },
  });
  await store(full, 0, LIMIT + 1);
  await store(other, 0, 1);
  const credentials = { kubeconfig: await readFile(full.kubeconfig, "utf8") };
  for (const [name, { namespace }] of [
    ["full", full],
    ["other", other],
  ] as const) {
    const made = await berth.request("POST", "/v1/clusters", { name, credentials, watch_namespaces: [namespace] });
    assert.equal(made.status, 200, JSON.stringify(made.body));
  }
});
after(async () => {
  for (const name of ["full", "other"]) await berth.request("DELETE", `/v1/clusters/${name}`);
  await berth[Symbol.asyncDispose]();
  for (const place of [home, full, other]) await place[Symbol.asyncDispose]();
});

async function store({ namespace }: TestNamespace, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) await storeRelease(berth.kube, { namespace, name: `r-${String(i)}` });
}

const secrets = { group: "", version: "v1", plural: "secrets" };
const drop = ({ namespace }: TestNamespace, index: number) =>
  deleteObject(berth.kube, { resource: secrets, namespace, name: `sh.helm.release.v1.r-${String(index)}.v1` });

const list = (cluster: string) => berth.request("GET", `/v1/clusters/${cluster}/releases`);

/** Waits until the list of the cluster is refused for its size. */
async function isFull(): Promise<void> {
  await eventually("the limit is passed", async () => {
    const { body } = await list("full");
    return body.code === "TOO_MANY_REVISIONS" ? true : undefined;
  });
}

/** Waits until the cluster has so many releases. */
const has = (count: number) =>
  eventually("there is room", async () => {
    const { isKnown, releases } = await listReleases(berth, "full", "page_size=500");
    return isKnown && releases.length === count ? true : undefined;
  });

test("a cluster with more revisions than Berth follows is refused, says why, and comes back by itself", async () => {
  await isFull();
  await eventually("the other is known", async () =>
    (await listReleases(berth, "other", "")).releases.length === 1 ? true : undefined,
  );
  const answer = await list("full");
  assert.match(refused(answer, 503, "TOO_MANY_REVISIONS").hint ?? "", /releases\.maxStoredRevisions/);
  assert.match(refused(answer, 503, "TOO_MANY_REVISIONS").detail ?? "", /more than 5 stored revisions/);
  const all = await listReleases(berth, "-", "page_size=500", NAMES);
  assert.deepEqual([all.status, all.releases.map(({ cluster }) => cluster)], [200, ["other"]]);
  const [stale] = all.stale.filter(({ cluster }) => cluster === "full");
  assert.match(stale?.reason ?? "", /more than 5 secrets/);
  assert.equal(stale?.known_at, undefined, "nothing of it was ever known");
  const revisions = await listReleases(berth, "-", "all_revisions=true", NAMES);
  assert.deepEqual([revisions.status, revisions.releases.length], [200, 1]);

  // What does not need the index goes on.
  const releases = `/v1/clusters/full/namespaces/${full.namespace}/releases`;
  const got = await berth.request<ReleaseAnswer>("GET", `${releases}/r-0`);
  assert.deepEqual([got.status, got.body.name], [200, "r-0"]);
  assert.equal((await fetch(`${berth.url}/readyz`)).status, 200);

  await drop(full, 0);
  await has(LIMIT);
});

test("one that passes the limit while it is followed is refused, shows what was known, and comes back", async () => {
  const chart = await berth.charts.write("one", { "templates/map.yaml": CONFIG_MAP });
  const releases = `/v1/clusters/full/namespaces/${full.namespace}/releases`;
  const made = await berth.request<OperationAnswer>("POST", releases, { name: "one-more", chart: { path: chart } });
  succeeded(made);
  await isFull();
  const all = await listReleases(berth, "-", "page_size=500", NAMES);
  assert.equal(all.releases.filter(({ cluster }) => cluster === "full").length, LIMIT);
  const [stale] = all.stale;
  assert.deepEqual([all.stale.length, stale?.cluster], [1, "full"]);
  assert.ok(Date.now() - Date.parse(stale?.known_at ?? "") < 20_000);
  const metrics = await (await fetch(`${berth.url}/metrics`)).text();
  assert.match(metrics, /berth_watch_state\{cluster="full",watch="release-secrets:[^"]*",state="full"\} 1/);

  succeeded(await berth.request<OperationAnswer>("DELETE", `${releases}/one-more`));
  await has(LIMIT);
});
