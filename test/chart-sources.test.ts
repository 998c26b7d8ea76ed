import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";

import type { Logger } from "@berth/base";
import { chartSourceService as api } from "@berth/contract";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import { refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { Answer, TestBerth } from "./support/berth.ts";
import { applyByHand, sourcesPath, untilReady } from "./support/chart-sources.ts";
import type { SourceAnswer } from "./support/chart-sources.ts";
import { CONFIG_MAP, makeChartDirectory } from "./support/charts.ts";
import type { ChartDirectory } from "./support/charts.ts";
import { READER, startRegistry } from "./support/registry.ts";
import type { TestRegistry } from "./support/registry.ts";
import { startRepository } from "./support/index-repository.ts";
import type { TestRepository } from "./support/index-repository.ts";

/** Words that stand in no answer, no log and no object but a Secret. */
const [PASSWORD, OTHER, WRONG] = ["a-very-secret-word", "another-secret-word", "a-wrong-secret-word"] as const;

let berth: TestBerth;
let charts: ChartDirectory;
let registry: TestRegistry;
/** Asks for user and password. */
let closed: TestRepository;
/** Lets everybody in. */
let open: TestRepository;
let sources: string;
/** All that Berth has answered, and logged. */
const said: string[] = [];
const audits: { verb: string; name: string; outcome: string; code?: string }[] = [];

before(async () => {
  charts = await makeChartDirectory();
  open = await startRepository(charts.path);
  closed = await startRepository(charts.path, { username: "me", password: PASSWORD });
  registry = await startRegistry("basic");
  const repositories = { stable: { url: open.url }, both: { url: "http://127.0.0.1:1" } };
  berth = await startTestBerth({ config: { repositories }, log: createKeeper() });
  sources = `/v1/namespaces/${berth.namespace}/chartsources`;
  for (const name of ["web", "store"]) {
    const chart = await charts.write(name, { "templates/config.yaml": CONFIG_MAP }, "version: 1.0.0");
    await berth.helm("package", chart, "-d", charts.path);
  }
  await berth.helm("repo", "index", charts.path);
  const login = ["--username", READER.username, "--password", READER.password, "--plain-http"];
  await berth.helm("push", join(charts.path, "web-1.0.0.tgz"), `oci://${registry.host}/charts`, ...login);
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  for (const one of [open, closed, registry, charts]) await one[Symbol.asyncDispose]();
});

/** A log that keeps each line whole, the stacks and causes of errors too. */
function createKeeper(): Logger {
  const whole = (_key: string, value: unknown): unknown =>
    value instanceof Error
      ? Object.fromEntries(Object.getOwnPropertyNames(value).map((key) => [key, Reflect.get(value, key)]))
      : value;
  const keep = (fields: Readonly<Record<string, unknown>>, message: string) => {
    said.push(message, JSON.stringify(fields, whole));
    const { audit } = fields as { audit?: (typeof audits)[number] & { resource: string } };
    if (audit?.resource === "chartsources") audits.push(audit);
  };
  return { debug: keep, info: keep, warn: keep, error: keep };
}

async function ask<T = SourceAnswer>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
  const answer = await berth.request<T>(method, path, body);
  said.push(JSON.stringify(answer.body));
  return answer;
}

async function asked(method: string, path: string, body?: unknown): Promise<SourceAnswer> {
  const { status, body: source } = await ask(method, path, body);
  assert.equal(status, 200, JSON.stringify(source));
  return source;
}

async function install(name: string, chart: object): Promise<Answer<OperationAnswer>> {
  return ask<OperationAnswer>("POST", berth.releases, { name, chart });
}

const secret = (name: string) =>
  berth.object<{ metadata: { ownerReferences?: { uid: string }[] }; data: Record<string, string> }>(
    `api/v1/namespaces/{ns}/secrets/${name}`,
  );

test("a source made by the API is asked, described, and installed from by its name", async () => {
  const body = { name: "private", url: closed.url, credentials: { username: "me", password: PASSWORD } };
  const made = await asked("POST", sources, body);
  assert.deepEqual([made.namespace, made.name, made.refresh_interval], [berth.namespace, "private", "600s"]);
  const { metadata } = await untilReady(berth, "private", "True");
  const { status, secret_name } = await asked("GET", `${sources}/private`);
  assert.deepEqual(
    [status.state, status.reason, status.charts, status.observed_generation],
    ["CHART_SOURCE_STATE_READY", "Refreshed", 2, "1"],
  );
  assert.match(status.digest, /^sha256:[0-9a-f]{64}$/);
  assert.ok(Date.now() - Date.parse(status.last_refresh_time ?? "") < 60_000);
  const stored = await secret(secret_name);
  assert.equal(Buffer.from(stored?.data.password ?? "", "base64").toString(), PASSWORD);
  assert.equal(stored?.metadata.ownerReferences?.[0]?.uid, metadata.uid);

  succeeded(await install("by-prefix", { name: "private/web" }));
  const { result } = succeeded(await install("by-field", { source: "private", name: "store", version: "1.x" }));
  assert.equal(result?.release?.provenance["chart-source"], `${closed.url}/store`);
  const list = await ask<{ chart_sources: SourceAnswer[] }>("GET", sources);
  assert.deepEqual(
    list.body.chart_sources.map(({ name }) => name),
    ["private"],
  );
  refused(await ask<Record<string, unknown>>("POST", sources, body), 409, "CHART_SOURCE_EXISTS", "name");
});

test("a source applied by kubectl is as good, and kubectl shows how it is", async () => {
  await applyByHand(berth, "Secret", "by-hand-login", { stringData: { username: "me", password: `${PASSWORD}\n` } });
  const spec = { url: `${closed.url}/`, secretRef: { name: "by-hand-login" } };
  await applyByHand(berth, "ChartSource", "by-hand", { spec });
  const source = await untilReady(berth, "by-hand", "True");
  assert.deepEqual([source.spec.refreshInterval, source.status?.charts], ["10m", 2]);
  succeeded(await install("from-by-hand", { name: "by-hand/web" }));
  interface Table {
    readonly columnDefinitions: readonly { readonly name: string; readonly priority: number }[];
    readonly rows: readonly { readonly cells: readonly unknown[] }[];
  }
  const accept = "application/json;as=Table;g=meta.k8s.io;v=v1";
  const table = await berth.kube.request<Table>({ path: `${sourcesPath(berth.namespace)}/by-hand`, accept });
  const shown = table.columnDefinitions.flatMap(({ name, priority }, i) =>
    priority === 0 ? [[name, table.rows[0]?.cells[i]]] : [],
  );
  assert.deepEqual(shown.slice(0, 4), [
    ["Name", "by-hand"],
    ["URL", `${closed.url}/`],
    ["Ready", "True"],
    ["Charts", 2],
  ]);
});

test("a wrong password and a missing Secret show in the status, and clear when the Secret is mended", async () => {
  const spec = { url: closed.url, secretRef: { name: "mended" } };
  await applyByHand(berth, "ChartSource", "broken", { spec });
  await untilReady(berth, "broken", "False", "SECRET_NOT_FOUND");
  refused(await install("never", { name: "broken/web" }), 404, "SECRET_NOT_FOUND");
  await applyByHand(berth, "Secret", "mended", { stringData: { username: "me", password: WRONG } });
  const wrong = await untilReady(berth, "broken", "False", "CHART_FETCH_FAILED");
  assert.match(wrong.status?.conditions[0]?.message ?? "", /401/);
  const problem = refused(await install("never", { name: "broken/web" }), 503, "CHART_FETCH_FAILED");
  assert.match(problem.detail ?? "", /401/);
  await applyByHand(berth, "Secret", "mended", { stringData: { username: "me", password: PASSWORD } });
  await untilReady(berth, "broken", "True");
  succeeded(await install("mended", { name: "broken/web" }));
});

test("a place in a registry is a source too, with its credentials", async () => {
  const body = { name: "registry", url: `oci://${registry.host}/charts`, plain_http: true };
  await asked("POST", sources, { ...body, credentials: READER });
  const { status } = await untilReady(berth, "registry", "True");
  assert.deepEqual([status?.charts, status?.digest], [undefined, undefined]);
  succeeded(await install("from-registry", { name: "registry/web", version: "^1" }));
  await asked("POST", sources, { ...body, name: "locked-out", credentials: { ...READER, password: WRONG } });
  const locked = await untilReady(berth, "locked-out", "False", "CHART_FETCH_FAILED");
  assert.match(locked.status?.conditions[0]?.message ?? "", /401/);
});

test("a source is refreshed when it is asked for, by its ETag, and not while it is suspended", async () => {
  await asked("POST", sources, { name: "asked", url: open.url });
  await untilReady(berth, "asked", "True");
  const { asked: times } = open;
  const before = times.unchanged;
  const refreshed = await asked("POST", `${sources}/asked:refresh`, {});
  assert.equal(refreshed.status.state, "CHART_SOURCE_STATE_READY");
  // Other tests on the cluster have their replicas too, which ask as well.
  assert.ok(times.unchanged > before, "it asks whether its index has changed");
  const suspended = await asked("PUT", `${sources}/asked`, { url: open.url, suspend: true });
  assert.equal(suspended.generation, "2");
  await untilReady(berth, "asked", "Unknown");
  await new Promise((resolve) => setTimeout(resolve, 500));
  const still = { ...times };
  const { status } = await asked("POST", `${sources}/asked:refresh`, {});
  assert.deepEqual([status.state, status.reason], ["CHART_SOURCE_STATE_SUSPENDED", "Suspended"]);
  assert.deepEqual(times, still, "it is not asked");
  succeeded(await install("from-suspended", { name: "asked/web" }));
  await asked("PUT", `${sources}/asked`, { url: open.url });
  await untilReady(berth, "asked", "True");
});

test("an update keeps credentials, replaces them, takes them away, and shows them to nobody else", async () => {
  const body = { name: "changed", url: closed.url, credentials: { username: "me", password: PASSWORD } };
  const { secret_name: first } = await asked("POST", sources, body);
  const path = `${sources}/changed`;
  const url = closed.url;
  const kept = await asked("PUT", path, { url, refresh_interval: "90s", expected_generation: 1 });
  assert.deepEqual([kept.secret_name, kept.refresh_interval, kept.generation], [first, "90s", "2"]);
  await untilReady(berth, "changed", "True");
  refused(await ask("PUT", path, { url, expected_generation: 1 }), 409, "GENERATION_STALE");
  refused(await ask("DELETE", `${path}?expected_generation=1`), 409, "GENERATION_STALE");
  for (const change of [{ url: open.url }, { url, insecure_skip_tls_verify: true }, { url, pass_credentials: true }]) {
    refused(await ask("PUT", path, change), 400, "INVALID_ARGUMENT", "credentials");
  }
  const replaced = await asked("PUT", path, { url, credentials: { username: "me", password: OTHER } });
  assert.notEqual(replaced.secret_name, first);
  assert.equal(await secret(first), undefined, "the old Secret is gone");
  await untilReady(berth, "changed", "False", "CHART_FETCH_FAILED");
  const cleared = await asked("PUT", path, { url: open.url, clear_credentials: true });
  assert.equal(cleared.secret_name, "");
  assert.equal(await secret(replaced.secret_name), undefined);
  await untilReady(berth, "changed", "True");
});

test("a source goes with its Secret, and its name means nothing any more", async () => {
  const body = { name: "gone", url: closed.url, credentials: { username: "me", password: PASSWORD } };
  const { secret_name } = await asked("POST", sources, body);
  await asked("DELETE", `${sources}/gone?validate_only=true`);
  const deleted = await asked("DELETE", `${sources}/gone`);
  assert.equal(deleted.name, "gone");
  const list = await ask<{ chart_sources: SourceAnswer[] }>("GET", sources);
  assert.ok(list.body.chart_sources.every(({ name }) => name !== "gone"));
  refused(await ask("GET", `${sources}/gone`), 404, "CHART_SOURCE_NOT_FOUND", "name");
  refused(await ask("DELETE", `${sources}/gone`), 404, "CHART_SOURCE_NOT_FOUND", "name");
  refused(await install("never", { name: "gone/web" }), 404, "CHART_NOT_FOUND", "chart.name");
  const chart = { source: "gone", name: "web" };
  refused(await install("never", chart), 404, "CHART_SOURCE_NOT_FOUND", "chart.source");
  for (const limit = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    if ((await secret(secret_name)) === undefined) break;
    assert.ok(Date.now() < limit, "the Secret goes with the source");
  }
});

test("a source of another namespace is not reachable, and one of the own goes before the configuration", async () => {
  await using other = await startTestBerth();
  const theirs = `/v1/namespaces/${other.namespace}/chartsources`;
  await asked("POST", theirs, { name: "theirs", url: open.url });
  for (const chart of [{ name: "theirs/web" }, { source: "theirs", name: "web" }]) {
    const { status, body } = await install("never", chart);
    assert.equal(status, 404, JSON.stringify(body));
    const show = (namespace: string) =>
      ask<{ code: string }>("POST", `/v1/namespaces/${namespace}/charts:show`, { chart });
    assert.deepEqual([(await show(berth.namespace)).status, (await show(other.namespace)).status], [404, 200]);
  }
  // Another place of the same name stands in the configuration, where nobody answers.
  assert.equal((await install("never", { name: "both/web" })).status, 503);
  await asked("POST", sources, { name: "both", url: open.url });
  succeeded(await install("from-own", { name: "both/web" }));
  succeeded(await install("from-configuration", { name: "stable/web" }));
  const { status, body } = await ask<{ status: string }>("POST", "/install", {
    chartName: "both/store",
    releaseName: "old",
  });
  assert.deepEqual([status, body.status], [200, "success"]);
});

test("the sources of a namespace and the configuration are searched together, or one by its name", async () => {
  await using other = await startTestBerth();
  const theirs = `/v1/namespaces/${other.namespace}`;
  await asked("POST", `${theirs}/chartsources`, { name: "one", url: open.url });
  await asked("POST", `${theirs}/chartsources`, { name: "two", url: `${open.url}/` });
  await asked("POST", `${theirs}/chartsources`, { name: "dead", url: "http://127.0.0.1:1" });
  await asked("POST", `${theirs}/chartsources`, { name: "registry", url: `oci://${registry.host}/charts` });
  interface Found {
    readonly charts: readonly { readonly name: string; readonly repository: string }[];
    readonly unsearched: readonly { readonly repository: string; readonly code: string }[];
    readonly total_size: number;
    readonly next_page_token: string;
  }
  const search = async (body: object) => (await ask<Found>("POST", `${theirs}/charts:search`, body)).body;
  const names = ({ charts: found }: Found) => found.map(({ name, repository }) => `${repository}/${name}`);
  const first = await search({ page_size: 4 });
  assert.deepEqual([names(first), first.total_size], [["one/store", "stable/store", "two/store", "one/web"], 6]);
  assert.deepEqual(
    first.unsearched.map(({ repository, code }) => [repository, code]),
    [
      ["both", "CHART_FETCH_FAILED"],
      ["dead", "CHART_FETCH_FAILED"],
      ["registry", "INVALID_ARGUMENT"],
    ],
  );
  const last = await search({ page_size: 4, page_token: first.next_page_token });
  assert.deepEqual([names(last), last.next_page_token], [["stable/web", "two/web"], ""]);
  assert.deepEqual(names(await search({ source: "two", query: "web" })), ["two/web"]);
  assert.deepEqual((await search({ repository: "one" })).total_size, 2);
  const registryAlone = await ask("POST", `${theirs}/charts:search`, { source: "registry" });
  refused(registryAlone, 400, "INVALID_ARGUMENT", "source");
  const none = await ask("POST", `${theirs}/charts:search`, { source: "none" });
  refused(none, 404, "CHART_SOURCE_NOT_FOUND", "chart.source");
});

test("a release is compared with the newest version by the source that has its place", async () => {
  await asked("POST", sources, {
    name: "watched",
    url: closed.url,
    credentials: { username: "me", password: PASSWORD },
  });
  succeeded(await install("watched", { name: "watched/web" }));
  const { body } = await ask<{ releases: { name: string; code: string }[] }>("GET", `${berth.releases}:outdated`);
  assert.ok(
    body.releases.every(({ name }) => name !== "watched"),
    "its source could be asked",
  );
});

test("what cannot be a source is refused, with its field, by the API and by Kubernetes alike", async () => {
  const url = open.url;
  for (const [body, field] of [
    [{ name: "x", url: "ftp://x" }, "url"],
    [{ name: "x", url: "https://me:word@example.com" }, "url"],
    [{ name: "x", url: "https://example.com/?token=x" }, "url"],
    [{ name: "x", url, refresh_interval: "59s" }, "refresh_interval"],
    [{ name: "X", url }, "name"],
    [{ name: "x", url, credentials: {} }, "credentials"],
    [{ name: "x", url, credentials: { client_key: "k" } }, "credentials.client_certificate"],
    [{ name: "x", url, credentials: { username: "u", bearer_token: "t" } }, "credentials.bearer_token"],
  ] as const) {
    refused(await ask("POST", sources, body), 400, "INVALID_ARGUMENT", field);
  }
  refused(await ask("POST", sources, { name: "x", url, plain_http: true }), 400, "INVALID_ARGUMENT");
  const nowhere = await ask("POST", "/v1/namespaces/not-there/chartsources", { name: "x", url });
  refused(nowhere, 404, "NAMESPACE_NOT_FOUND", "namespace");
  for (const spec of [
    { url: "https://me:word@example.com" },
    { url: "file:///etc" },
    { url, refreshInterval: "30s" },
    { url, refreshInterval: "often" },
    { url, plainHttp: true },
    { url, secretRef: {} },
  ]) {
    await assert.rejects(applyByHand(berth, "ChartSource", "x", { spec }), { code: "CLUSTER_REFUSED" });
  }
  await assert.rejects(applyByHand(berth, "ChartSource", "x".repeat(64), { spec: { url } }), {
    code: "CLUSTER_REFUSED",
  });
  const checked = await asked("POST", sources, { name: "x", url, validate_only: true, credentials: READER });
  assert.equal(checked.name, "x");
  assert.equal((await ask("GET", `${sources}/x`)).status, 404);
  await asked("POST", sources, { name: "mixed", url });
  const mixed = await install("never", { name: "mixed/web", ...READER });
  refused(mixed, 400, "INVALID_ARGUMENT", "chart.username");
});

test("gRPC says the same", async () => {
  const client = createClient(api.ChartSourceService, createGrpcTransport({ baseUrl: berth.url }));
  const { namespace } = berth;
  const refreshInterval = { seconds: 120n, nanos: 0 };
  await client.createChartSource({ namespace, name: "by-grpc", url: open.url, refreshInterval });
  const source = await client.refreshChartSource({ namespace, name: "by-grpc" });
  assert.deepEqual([source.status?.state, source.status?.charts], [api.ChartSourceState.READY, 2]);
  const page = await client.listChartSources({ namespace, pageSize: 1 });
  const next = await client.listChartSources({ namespace, pageSize: 500, pageToken: page.nextPageToken });
  const names = [...page.chartSources, ...next.chartSources].map(({ name }) => name);
  assert.deepEqual(names, names.toSorted());
  assert.equal(names.length, page.totalSize);
  const stale = await client
    .deleteChartSource({ namespace, name: "by-grpc", expectedGeneration: 7n })
    .catch((error: unknown) => error);
  assert.ok(stale instanceof ConnectError);
  assert.deepEqual([stale.code, stale.metadata.get("berth-code")], [Code.FailedPrecondition, "GENERATION_STALE"]);
});

test("every write has its audit lines, and no secret is in them, in answers or in the objects", async () => {
  const of = (name: string) =>
    audits.filter((line) => line.name === name).map(({ verb, outcome }) => `${verb} ${outcome}`);
  assert.deepEqual(of("gone").slice(0, 6), [
    ...["create asked", "create succeeded", "delete asked", "delete succeeded", "delete asked", "delete succeeded"],
  ]);
  assert.ok(audits.some(({ name, code }) => name === "changed" && code === "GENERATION_STALE"));
  const objects = await berth.kube.request({ path: sourcesPath(berth.namespace) });
  const operations = await berth.kube.request({ path: `/apis/berth.dev/v1alpha1/namespaces/${berth.home}/operations` });
  const text = [...said, JSON.stringify([objects, operations])].join("\n");
  assert.ok(said.length > 100);
  for (const word of [PASSWORD, OTHER, WRONG, READER.password]) {
    const at = text.indexOf(word);
    assert.equal(at, -1, text.slice(Math.max(at - 200, 0), at + 100));
    assert.ok(!text.includes(Buffer.from(word).toString("base64")));
  }
});
