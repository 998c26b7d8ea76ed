import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { helm } from "./support/helm.ts";

interface HelmRelease {
  readonly name: string;
  readonly revision: string | number;
  readonly status: string;
}

let berth: TestBerth;
let chart: string;

before(async () => {
  berth = await startTestBerth();
  await helm(berth.kubeconfig, "create", `${berth.charts.path}/created`);
  chart = `${berth.charts.path}/created`;
});
after(() => berth[Symbol.asyncDispose]());

test("a chart made by helm create is installed, upgraded, rolled back and uninstalled", async () => {
  const installed = succeeded(
    await berth.request<OperationAnswer>("POST", berth.releases, {
      name: "life",
      chart: { path: chart },
      options: { wait: true, timeout: "60s" },
      labels: { team: "payments" },
    }),
  );
  assert.equal(installed.result?.release?.status, "deployed");
  assert.equal(installed.result.release.revision, 1);
  const deployment = await berth.object<{ status: { readyReplicas: number } }>(
    "apis/apps/v1/namespaces/{ns}/deployments/life-created",
  );
  assert.equal(deployment?.status.readyReplicas, 1, "wait means ready");

  const upgraded = succeeded(
    await berth.request<OperationAnswer>("PUT", `${berth.releases}/life`, {
      chart: { path: chart },
      values: { replicaCount: 2 },
      options: { wait: true, timeout: "60s" },
    }),
  );
  assert.equal(upgraded.result?.release?.revision, 2);
  assert.deepEqual(await berth.helmJson("get", "values", "life"), { replicaCount: 2 });

  const rolledBack = succeeded(
    await berth.request<OperationAnswer>("POST", `${berth.releases}/life:rollback`, { revision: 1 }),
  );
  assert.equal(rolledBack.result?.release?.revision, 3);
  const history = await berth.request<{ revisions: ReleaseAnswer[] }>("GET", `${berth.releases}/life/history`);
  assert.deepEqual(
    history.body.revisions.map(({ revision, status }) => [revision, status]),
    [
      [3, "deployed"],
      [2, "superseded"],
      [1, "superseded"],
    ],
  );
  const helmHistory = await berth.helmJson<HelmRelease[]>("history", "life");
  assert.deepEqual(
    helmHistory.map(({ revision, status }) => [revision, status]),
    [
      [1, "superseded"],
      [2, "superseded"],
      [3, "deployed"],
    ],
  );
  assert.deepEqual(rolledBack.result.release.labels, { team: "payments" });
  assert.equal(rolledBack.result.release.provenance.actor, "loopback");

  const gone = succeeded(
    await berth.request<OperationAnswer>("DELETE", `${berth.releases}/life?options.wait=true&options.timeout=60s`),
  );
  assert.equal(gone.result?.release, undefined);
  assert.deepEqual(await berth.helmJson("list"), []);
  assert.equal(await berth.object("apis/apps/v1/namespaces/{ns}/deployments/life-created"), undefined);
  assert.equal((await berth.request("GET", `${berth.releases}/life`)).status, 404);
});

test("what Berth and the helm command line write, each reads and goes on with", async () => {
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name: "both", chart: { path: chart } }));
  await berth.helm("upgrade", "both", chart, "--set", "replicaCount=3");
  const seen = await berth.request<ReleaseAnswer>("GET", `${berth.releases}/both`);
  assert.equal(seen.body.revision, 2);
  const values = await berth.request<{ values: unknown }>("GET", `${berth.releases}/both/values`);
  assert.deepEqual(values.body.values, { replicaCount: 3 });

  succeeded(
    await berth.request<OperationAnswer>("PUT", `${berth.releases}/both`, {
      chart: { path: chart },
      values: { replicaCount: 1 },
    }),
  );
  await berth.helm("rollback", "both", "2");
  const listed = await berth.request<{ releases: ReleaseAnswer[]; total_size: number }>(
    "GET",
    `${berth.releases}?filter=both`,
  );
  assert.equal(listed.body.total_size, 1);
  const status = await berth.helmJson<{ version: number; info: { status: string } }>("status", "both");
  assert.deepEqual([status.version, status.info.status], [4, "deployed"]);
  const deployment = await berth.object<{ spec: { replicas: number } }>(
    "apis/apps/v1/namespaces/{ns}/deployments/both-created",
  );
  assert.equal(deployment?.spec.replicas, 3);

  await berth.helm("install", "theirs", chart);
  const theirs = await berth.request<ReleaseAnswer>("GET", `${berth.releases}/theirs`);
  assert.equal(theirs.body.status, "deployed");
  succeeded(await berth.request<OperationAnswer>("DELETE", `${berth.releases}/theirs`));
  await berth.helm("uninstall", "both");
  assert.equal((await berth.request("GET", `${berth.releases}/both`)).status, 404);
});

test("lists filter by label and status, page, and read their own writes", async () => {
  const names = ["list-a", "list-b", "list-c"];
  let newest = "";
  for (const name of names) {
    const operation = succeeded(
      await berth.request<OperationAnswer>("POST", berth.releases, {
        name,
        chart: { path: chart },
        labels: { suite: "list", tier: name === "list-c" ? "gold" : "tin" },
      }),
    );
    newest = operation.result?.resource_version ?? "";
  }
  interface Page {
    readonly releases: ReleaseAnswer[];
    readonly next_page_token: string;
    readonly total_size: number;
  }
  const query = `label_selector=suite%3Dlist&min_resource_version=${newest}`;
  const first = await berth.request<Page>("GET", `${berth.releases}?${query}&page_size=2`);
  assert.deepEqual(
    first.body.releases.map(({ name }) => name),
    ["list-a", "list-b"],
  );
  assert.equal(first.body.total_size, 3);
  assert.equal(first.body.releases[0]?.chart?.name, "created");
  const second = await berth.request<Page>(
    "GET",
    `${berth.releases}?${query}&page_size=2&page_token=${first.body.next_page_token}`,
  );
  assert.deepEqual(
    second.body.releases.map(({ name }) => name),
    ["list-c"],
  );
  assert.equal(second.body.next_page_token, "");
  const gold = await berth.request<Page>("GET", `/v1/clusters/local/releases?label_selector=tier+in+(gold)`);
  assert.deepEqual(
    gold.body.releases.filter(({ namespace }) => namespace === berth.namespace).map(({ name }) => name),
    ["list-c"],
  );
  const none = await berth.request<Page>("GET", `${berth.releases}?${query}&status=failed`);
  assert.equal(none.body.total_size, 0);
});

test("values, manifest, notes, hooks, status and diff tell what helm tells", async () => {
  succeeded(
    await berth.request<OperationAnswer>("POST", berth.releases, {
      name: "told",
      chart: { path: chart },
      options: { wait: true, timeout: "60s" },
    }),
  );
  succeeded(
    await berth.request<OperationAnswer>("PUT", `${berth.releases}/told`, {
      chart: { path: chart },
      values_yaml: "# mine\nservice:\n  port: 8080\n",
      options: { wait: true, timeout: "60s" },
    }),
  );
  const get = async <T>(path: string) => (await berth.request<T>("GET", `${berth.releases}/told/${path}`)).body;
  const { manifest } = await get<{ manifest: string }>("manifest");
  assert.equal(manifest.trim(), (await berth.helm("get", "manifest", "told")).trim());
  const { notes } = await get<{ notes: string }>("notes");
  assert.equal((await berth.helm("get", "notes", "told")).includes(notes.trim()), true);
  const computed = await get<{ values_yaml: string }>("values?computed=true");
  const all = await berth.helm("get", "values", "told", "--all", "-o", "yaml");
  assert.equal(computed.values_yaml.trim(), all.trim());
  const { hooks } = await get<{ hooks: { kind: string; events: string[] }[] }>("hooks");
  assert.deepEqual(
    hooks.map(({ kind, events }) => [kind, events]),
    [["Pod", ["test"]]],
  );
  const status = await get<{ ready: boolean; objects: { status: string }[] }>("status");
  assert.equal(status.ready, true, JSON.stringify(status));
  assert.ok(status.objects.length >= 3);
  const diff = await get<{ from: number; to: number; manifest: string; values: string; objects: unknown[] }>("diff");
  assert.deepEqual([diff.from, diff.to], [1, 2]);
  assert.match(diff.manifest, /^-\s+- port: 80$/m);
  assert.match(diff.manifest, /^\+\s+- port: 8080$/m);
  assert.match(diff.values, /^\+ {2}port: 8080$/m);
  assert.ok(diff.objects.length >= 1);
});

test("a stale expected_revision is refused", async () => {
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name: "stale", chart: { path: chart } }));
  const answer = await berth.request("PUT", `${berth.releases}/stale`, {
    chart: { path: chart },
    expected_revision: 7,
  });
  assert.equal(answer.status, 409);
  assert.equal(answer.body.code, "REVISION_STALE");
  const fresh = await berth.request<OperationAnswer>("PUT", `${berth.releases}/stale`, {
    chart: { path: chart },
    expected_revision: 1,
    labels: { kept: "yes", gone: "soon" },
  });
  assert.deepEqual(succeeded(fresh).result?.release?.labels, { kept: "yes", gone: "soon" });
  const third = await berth.request<OperationAnswer>("PUT", `${berth.releases}/stale`, {
    chart: { path: chart },
    labels: { gone: "" },
  });
  assert.deepEqual(succeeded(third).result?.release?.labels, { kept: "yes" });
});
