import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import { ownTestCluster } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";
import { createKubeClient, loadKubeconfig } from "@berth/kube";
import type { ClusterConnection, KubeClient } from "@berth/kube";
import { parseAllDocuments } from "yaml";

import { refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { startConnectProxy } from "./support/connect-proxy.ts";
import { eventually } from "./support/exposures.ts";
import { helmJson } from "./support/helm.ts";
import { storeRelease } from "./support/stored.ts";

/*
 * One Berth, several clusters: a second control plane is made known to it,
 * rotated, cut off and forgotten while it runs.
 */

interface ClusterAnswer {
  readonly name: string;
  readonly home?: boolean;
  readonly secret_name?: string;
  readonly generation?: string;
  readonly status: {
    readonly state?: string;
    readonly reason?: string;
    readonly version?: string;
    readonly latency?: string;
    readonly last_error?: string;
    readonly capabilities?: readonly string[];
    readonly uid?: string;
    readonly same_as?: readonly string[];
    readonly releases?: number;
  };
}

interface Page {
  readonly releases: (ReleaseAnswer & { readonly cluster: string })[];
  readonly stale_clusters?: readonly {
    readonly cluster: string;
    readonly reason: string;
    readonly known_at?: string;
  }[];
}

const TIME = 60_000;

let berth: TestBerth;
let far: DevCluster;
let farKube: KubeClient;
let farConnection: ClusterConnection;
let chart: string;

before(async () => {
  far = await ownTestCluster();
  farConnection = await loadKubeconfig(far.kubeconfig);
  farKube = createKubeClient(farConnection, { log: silentLogger, clock: systemClock });
  berth = await startTestBerth();
  chart = await berth.charts.write("plain", { "templates/map.yaml": CONFIG_MAP });
});
after(async () => {
  for (const { name, home } of (await list()).clusters) {
    if (home !== true) await berth.request("DELETE", `/v1/clusters/${name}`);
  }
  await farKube.close();
  await berth[Symbol.asyncDispose]();
  await far[Symbol.asyncDispose]();
});

const list = async () => (await berth.request<{ clusters: ClusterAnswer[] }>("GET", "/v1/clusters")).body;
const create = (body: object) => berth.request<ClusterAnswer>("POST", "/v1/clusters", body);

/** A cluster's status, once it is as wanted. */
const statusOf = (name: string, isSo: (status: ClusterAnswer["status"]) => boolean, what: string) =>
  eventually(
    what,
    async () => {
      const { body } = await berth.request<ClusterAnswer>("GET", `/v1/clusters/${name}`);
      return isSo(body.status) ? body : undefined;
    },
    TIME,
  );
const ready = (name: string) => statusOf(name, ({ state }) => state === "CLUSTER_STATE_READY", `${name} is ready`);

/** A token of a ServiceAccount of the far cluster that may do everything there. */
async function tokenOf(account: string): Promise<string> {
  const path = "/api/v1/namespaces/kube-system/serviceaccounts";
  const metadata = { name: account };
  await farKube.request({ method: "POST", path, body: { apiVersion: "v1", kind: "ServiceAccount", metadata } });
  await farKube.request({
    method: "POST",
    path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    body: {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "ServiceAccount", name: account, namespace: "kube-system" }],
    },
  });
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
  const answer = await farKube.request<{ status: { token: string } }>({
    method: "POST",
    path: `${path}/${account}/token`,
    body,
  });
  return answer.status.token;
}

const byToken = (name: string, token: string, more: object = {}) => ({
  name,
  server: farConnection.server,
  credentials: { token, certificate_authority: farConnection.certificateAuthority },
  ...more,
});

test("a cluster is made known by its kubeconfig, and every verb works on it as at home", async () => {
  const made = await create({ name: "far", credentials: { kubeconfig: await readFile(far.kubeconfig, "utf8") } });
  assert.equal(made.status, 200, JSON.stringify(made.body));
  const { status } = await ready("far");
  assert.match(status.version ?? "", /^v1\.\d+\.\d+/);
  assert.ok(status.capabilities?.includes("server-side-apply"));
  assert.match(status.latency ?? "", /s$/);

  const releases = "/v1/clusters/far/namespaces/default/releases";
  succeeded(await berth.request<OperationAnswer>("POST", releases, { name: "there", chart: { path: chart } }));
  const helm = await helmJson<{ name: string }[]>(far.kubeconfig, "list", "-n", "default");
  assert.deepEqual(
    helm.map(({ name }) => name),
    ["there"],
  );
  const upgraded = await berth.request<OperationAnswer>("PUT", `${releases}/there`, { chart: { path: chart } });
  const newest = succeeded(upgraded).result?.resource_version ?? "";
  const page = await berth.request<Page>("GET", `${releases}?min_resource_version=${newest}`);
  assert.deepEqual(
    page.body.releases.map(({ cluster, name, revision }) => [cluster, name, revision]),
    [["far", "there", 2]],
  );
  succeeded(await berth.request<OperationAnswer>("POST", `${releases}/there:rollback`, { revision: 1 }));
  const got = await berth.request<ReleaseAnswer>("GET", `${releases}/there`);
  assert.deepEqual([got.body.revision, got.body.status], [3, "deployed"]);

  await storeRelease(berth.kube, { namespace: berth.namespace, name: "at-home" });
  const both = await eventually("both clusters are listed", async () => {
    const { body } = await berth.request<Page>("GET", "/v1/clusters/-/releases?order_by=cluster&page_size=500");
    const seen = body.releases.filter(({ name }) => name === "there" || name === "at-home");
    return seen.length === 2 ? seen : undefined;
  });
  assert.deepEqual(both.map(({ cluster }) => cluster).sort(), ["far", "local"]);
  const { clusters } = await list();
  assert.deepEqual([clusters[0]?.name, clusters[0]?.home], ["local", true]);
  assert.equal(clusters.find(({ name }) => name === "far")?.status.releases, 1);

  succeeded(await berth.request<OperationAnswer>("DELETE", `${releases}/there`));
  assert.deepEqual(await helmJson(far.kubeconfig, "list", "-n", "default"), []);
});

test("credentials are rotated without a restart, and what is wrong with them is said", async () => {
  const wrong = await create(byToken("rotated", "no-token"));
  assert.equal(wrong.status, 200, JSON.stringify(wrong.body));
  const failed = await statusOf("rotated", ({ state }) => state === "CLUSTER_STATE_FAILED", "it is refused");
  assert.equal(failed.status.reason, "UNAUTHENTICATED");
  const unreached = await berth.request<Page>("GET", "/v1/clusters/-/releases?page_size=1");
  assert.deepEqual(
    unreached.body.stale_clusters?.map(({ cluster }) => cluster).filter((name) => name === "rotated"),
    ["rotated"],
  );

  const first = await tokenOf("first");
  const put = { ...byToken("rotated", first), expected_generation: failed.generation };
  assert.equal((await berth.request("PUT", "/v1/clusters/rotated", put)).status, 200);
  refused(await berth.request("PUT", "/v1/clusters/rotated", put), 409, "GENERATION_STALE", "expected_generation");
  const well = await ready("rotated");
  const secret = `/api/v1/namespaces/${berth.home}/secrets/`;
  assert.ok(await berth.object(`${secret.slice(1)}${well.secret_name ?? ""}`));

  // Whoever rotates writes the Secret itself: it is read again.
  const second = await tokenOf("second");
  await farKube.request({ method: "DELETE", path: "/api/v1/namespaces/kube-system/serviceaccounts/first" });
  await berth.kube.request({
    method: "PATCH",
    path: `${secret}${well.secret_name ?? ""}`,
    contentType: "application/merge-patch+json",
    body: { stringData: { token: second } },
  });
  // The API server knows a token for 10 s after it was taken away.
  await systemClock.sleep(11_000);
  await storeRelease(farKube, { namespace: "default", name: "after-rotation" });
  await eventually(
    "the record is read with the new token",
    async () => {
      const { body } = await berth.request<Page>(
        "GET",
        "/v1/clusters/rotated/releases?chart=web&filter=after-rotation",
      );
      return body.releases.length === 1 && (body.stale_clusters ?? []).length === 0 ? body : undefined;
    },
    TIME,
  );
  await ready("rotated");

  const deleted = await berth.request<ClusterAnswer>("DELETE", "/v1/clusters/rotated");
  assert.equal(deleted.status, 200);
  await eventually("its Secret is gone", async () =>
    (await berth.object(`${secret.slice(1)}${well.secret_name ?? ""}`)) === undefined ? true : undefined,
  );
  refused(await berth.request("GET", "/v1/clusters/rotated"), 404, "CLUSTER_NOT_FOUND", "name");
  refused(await berth.request("GET", "/v1/clusters/rotated/releases"), 404, "CLUSTER_NOT_FOUND", "cluster");
  assert.ok(
    await farKube.request({ path: "/api/v1/namespaces/default/secrets/sh.helm.release.v1.after-rotation.v1" }),
    "the cluster itself is not touched",
  );
});

test("a cluster behind a proxy is reached through it, in the namespaces that are named alone", async () => {
  await using proxy = await startConnectProxy();
  const token = await tokenOf("proxied");
  await storeRelease(farKube, { namespace: "kube-public", name: "seen" });
  await storeRelease(farKube, { namespace: "kube-system", name: "unseen" });
  await create(byToken("proxied", token, { proxy_url: proxy.url, watch_namespaces: ["kube-public", "default"] }));
  await ready("proxied");
  const page = await eventually("its releases are known", async () => {
    const { body } = await berth.request<Page>("GET", "/v1/clusters/proxied/releases?filter=seen");
    return (body.releases ?? []).length > 0 ? body : undefined;
  });
  assert.deepEqual(
    page.releases.map(({ name }) => name),
    ["seen"],
  );
  assert.ok(proxy.asked.length > 0);
  assert.ok(proxy.asked.every((place) => place === new URL(farConnection.server).host));
  // What it would install goes the same way, for the engine is told so too.
  const before = proxy.asked.length;
  const releases = "/v1/clusters/proxied/namespaces/default/releases";
  succeeded(await berth.request<OperationAnswer>("POST", releases, { name: "by-proxy", chart: { path: chart } }));
  assert.ok(proxy.asked.length > before, "the engine asks the proxy");
  await berth.request("DELETE", "/v1/clusters/proxied");
});

test("a dead cluster delays nobody, and lists say how old its facts are", async () => {
  await create(byToken("dead", "token", { server: "https://127.0.0.1:9" }));
  await using lost = await ownTestCluster({ nodes: 0 });
  await create({ name: "lost", credentials: { kubeconfig: await readFile(lost.kubeconfig, "utf8") } });
  const lostKube = createKubeClient(await loadKubeconfig(lost.kubeconfig), { log: silentLogger, clock: systemClock });
  await storeRelease(lostKube, { namespace: "default", name: "remembered" });
  await lostKube.close();
  await ready("lost");
  await eventually("its release is known", async () => {
    const { body } = await berth.request<Page>("GET", "/v1/clusters/lost/releases");
    return (body.releases ?? []).length === 1 ? true : undefined;
  });
  await lost.stop();
  await statusOf("dead", ({ state }) => state === "CLUSTER_STATE_FAILED", "the dead one is failed");
  await statusOf("lost", ({ state }) => state === "CLUSTER_STATE_FAILED", "the lost one is failed");
  const start = performance.now();
  const { body } = await berth.request<Page>("GET", "/v1/clusters/-/releases?page_size=500");
  assert.ok(performance.now() - start < 1_000, "nobody waits for the dead");
  assert.ok(body.releases.some(({ name, cluster }) => name === "remembered" && cluster === "lost"));
  const stale = new Map(body.stale_clusters?.map((one) => [one.cluster, one]));
  assert.equal(stale.get("dead")?.known_at, undefined);
  assert.ok(stale.get("lost")?.known_at !== undefined, "what is listed of it was true then");
  assert.equal(stale.has("local"), false);
  const { clusters } = await list();
  assert.match(clusters.find(({ name }) => name === "lost")?.status.last_error ?? "", /./);
  refused(await berth.request("GET", "/v1/clusters/dead/namespaces/default/releases/any"), 503, "CLUSTER_UNREACHABLE");
});

test("what a cluster needs is printed first, made by whoever may, and is all that Berth has there then", async () => {
  const credentials = { kubeconfig: await readFile(far.kubeconfig, "utf8") };
  interface Bootstrapped {
    readonly manifest: string;
    readonly cluster?: ClusterAnswer;
  }
  const ask = (body: object) => berth.request<Bootstrapped>("POST", "/v1/clusters:bootstrap", body);
  const shown = await ask({ name: "made", credentials, validate_only: true });
  assert.equal(shown.status, 200, JSON.stringify(shown.body));
  const objects = parseAllDocuments(shown.body.manifest).map((one) => one.toJS() as { kind: string });
  assert.deepEqual(
    [...new Set(objects.map(({ kind }) => kind))],
    ["Namespace", "ServiceAccount", "Secret", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"],
  );
  refused(await berth.request("GET", "/v1/clusters/made"), 404, "CLUSTER_NOT_FOUND", "name");

  const made = await ask({ name: "made", credentials });
  assert.equal(made.status, 200, JSON.stringify(made.body));
  assert.equal(made.body.manifest, shown.body.manifest);
  await ready("made");
  await statusOf(
    "made",
    ({ capabilities }) => capabilities?.includes("exposures") === true,
    "its definitions are served",
  );
  await statusOf(
    "made",
    ({ capabilities }) =>
      capabilities?.includes("driver-nodeport") === true && !capabilities.includes("driver-gateway"),
    "what carries ports there",
  );
  const secret = `api/v1/namespaces/${berth.home}/secrets/${made.body.cluster?.secret_name ?? ""}`;
  const { data = {} } = (await berth.object<{ data?: Record<string, string> }>(secret)) ?? {};
  assert.deepEqual(Object.keys(data).sort(), ["ca.crt", "token"], "the ServiceAccount's token alone is stored");
  const releases = "/v1/clusters/made/namespaces/default/releases";
  succeeded(await berth.request<OperationAnswer>("POST", releases, { name: "deployed", chart: { path: chart } }));

  // It has pools and exposures of its own by now.
  const pool = {
    name: "far-pool",
    driver: "DRIVER_CONFIGMAP",
    ports: { from: 21_000, to: 21_009 },
    all_namespaces: true,
  };
  const pools = "/v1/clusters/made/pools";
  const wait = async () => {
    const answer = await berth.request("POST", pools, { ...pool, simulated: true });
    return answer.status === 200 ? true : undefined;
  };
  await eventually("the cluster takes a pool", wait);
  assert.equal((await berth.request("GET", `${pools}/far-pool`)).status, 200);
  refused(await berth.request("GET", "/v1/clusters/local/pools/far-pool"), 404, "POOL_NOT_FOUND", "pool");

  const [first, local] = await Promise.all(
    ["made", "local"].map((name) => statusOf(name, ({ uid }) => uid !== "", "its uid")),
  );
  assert.notEqual(first?.status.uid, local?.status.uid);
  await create({ name: "twin", credentials });
  const twin = await statusOf("twin", ({ same_as: names = [] }) => names.includes("made"), "its other name is known");
  assert.equal(twin.status.uid, first?.status.uid);
  await berth.request("DELETE", "/v1/clusters/twin");

  const again = await ask({ name: "made", credentials });
  assert.equal(again.status, 200, JSON.stringify(again.body));
  await ready("made");
  refused(await ask({ name: "made", credentials: { token: "x" } }), 400, "INVALID_ARGUMENT", "server");
});

test("clusters that cannot be are refused, and no credential is ever answered", async () => {
  const kubeconfig = await readFile(far.kubeconfig, "utf8");
  refused(await create({ name: "local", credentials: { kubeconfig } }), 409, "CLUSTER_EXISTS", "name");
  refused(await create({ name: "none" }), 400, "INVALID_ARGUMENT", "credentials");
  refused(await create({ name: "Upper", credentials: { kubeconfig } }), 400, "INVALID_ARGUMENT", "name");
  refused(
    await create({ name: "two", credentials: { kubeconfig, token: "x" } }),
    400,
    "INVALID_ARGUMENT",
    "credentials.kubeconfig",
  );
  const exec = kubeconfig.replace(/^ {4}user:.*$/m, "    user: {exec: {command: sh, apiVersion: v1}}\n    other:");
  refused(
    await create({ name: "exec", credentials: { kubeconfig: exec } }),
    400,
    "INVALID_ARGUMENT",
    "credentials.kubeconfig",
  );
  refused(
    await create({ name: "half", server: "https://x", credentials: { client_certificate: "x" } }),
    400,
    "INVALID_ARGUMENT",
    "credentials.client_key",
  );
  refused(
    await create({ name: "plain", server: "http://x", credentials: { token: "x" } }),
    400,
    "INVALID_ARGUMENT",
    "server",
  );
  refused(await berth.request("DELETE", "/v1/clusters/local"), 400, "INVALID_ARGUMENT", "name");
  refused(await berth.request("DELETE", "/v1/clusters/nobody"), 404, "CLUSTER_NOT_FOUND", "name");

  await create(byToken("shown", "very-secret-token"));
  const move = { name: "shown", server: "https://elsewhere.example", insecure_skip_tls_verify: true };
  refused(await berth.request("PUT", "/v1/clusters/shown", move), 400, "INVALID_ARGUMENT", "credentials");
  const dry = await create(byToken("dry", "token", { validate_only: true }));
  assert.equal(dry.status, 200);
  refused(await berth.request("GET", "/v1/clusters/dry"), 404, "CLUSTER_NOT_FOUND", "name");
  const everything = JSON.stringify([await list(), (await berth.request("GET", "/v1/clusters/shown")).body]);
  assert.ok(!everything.includes("very-secret-token") && !everything.includes("BEGIN"));
});
