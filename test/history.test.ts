import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ownTestCluster } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";

import { failed, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import type { HelmRevision } from "./support/helm.ts";

/*
 * A release's history, on a cluster of its own, whose API server counts who asks it for lists.
 */

let cluster: DevCluster;
let berth: TestBerth;
let chart: string;

before(async () => {
  cluster = await ownTestCluster({ nodes: 0 });
  berth = await startTestBerth({ kubeconfig: cluster.kubeconfig });
  chart = await berth.charts.write("told", { "templates/map.yaml": CONFIG_MAP });
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

async function historyOf(name: string, query = ""): Promise<(ReleaseAnswer & { last_deployed?: string })[]> {
  const { status, body } = await berth.request<{ revisions: ReleaseAnswer[] }>(
    ...(["GET", `${berth.releases}/${name}/history${query}`] as const),
  );
  assert.equal(status, 200, JSON.stringify(body));
  return body.revisions;
}

/** LISTs of Secrets and ConfigMaps that the API server has answered. */
async function lists(): Promise<number> {
  let text = "";
  for await (const chunk of await berth.kube.stream({ path: "/metrics" })) text += chunk.toString();
  const counts = text.matchAll(
    /^apiserver_request_total\{.*resource="(?:secrets|configmaps)".*verb="LIST".*\} (\d+)$/gm,
  );
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

test("a history is what helm says of it, whoever has written it", async () => {
  const write = (method: string, path: string, body: object) =>
    berth.request<OperationAnswer>(method, `${berth.releases}${path}`, body);
  succeeded(await write("POST", "", { name: "both", chart: { path: chart } }));
  succeeded(await write("PUT", "/both", { chart: { path: chart }, options: { description: "by hand" } }));
  await berth.helm("upgrade", "both", chart, "--set", "color=blue");
  const broken = await berth.charts.write("broken", {
    "templates/map.yaml": `${CONFIG_MAP}\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: { name: Not_Valid }`,
  });
  failed(await write("PUT", "/both", { chart: { path: broken } }), "CLUSTER_REFUSED");
  succeeded(await write("POST", "/both:rollback", { revision: 2 }));
  const theirs = await berth.helmJson<HelmRevision[]>("history", "both", "--max", "256");
  const ours = await historyOf("both");
  const line = (revision: number, status: string, name: string, description: string, time: string) =>
    [revision, status, name, description, Math.floor(Date.parse(time) / 1000)].join(" | ");
  assert.deepEqual(
    ours.map((one) =>
      line(
        one.revision,
        one.status,
        `${one.chart?.name}-${one.chart?.version}`,
        one.description,
        one.last_deployed ?? "",
      ),
    ),
    theirs.map((one) => line(one.revision, one.status, one.chart, one.description, one.updated)).reverse(),
  );
  assert.deepEqual(
    (await historyOf("both", "?max=2")).map(({ revision }) => revision),
    ours.slice(0, 2).map(({ revision }) => revision),
  );
});

test("what helm has just written is there at once, and the API server is asked for no list", async () => {
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name: "seen", chart: { path: chart } }));
  for (let revision = 2; revision <= 6; revision++) {
    await berth.helm("upgrade", "seen", chart, "--set", `color=c${String(revision)}`);
    const told = await historyOf("seen");
    const wanted = Array.from({ length: revision }, (_, index) => [
      revision - index,
      index === 0 ? "deployed" : "superseded",
    ]);
    assert.deepEqual(
      told.map((one) => [one.revision, one.status]),
      wanted,
    );
  }
  const before = await lists();
  for (let round = 0; round < 20; round++) await historyOf("seen");
  assert.equal(await lists(), before);
});

test("of a release that is nowhere there is no history", async () => {
  const { status, body } = await berth.request("GET", `${berth.releases}/nowhere/history`);
  assert.deepEqual([status, body["code"]], [404, "RELEASE_NOT_FOUND"]);
});
