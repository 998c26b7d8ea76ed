import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";

import { swift } from "@berth/contract";

import { BERTH_SERVICES } from "../packages/server/src/edges/shared/services.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, SERVICE, makeChartDirectory } from "./support/charts.ts";
import type { ChartDirectory } from "./support/charts.ts";
import { eventually } from "./support/exposures.ts";
import { openGoClient } from "./support/go-client.ts";
import type { GoAnswer, GoCall, GoClient } from "./support/go-client.ts";
import { helm } from "./support/helm.ts";
import { startRepository } from "./support/index-repository.ts";
import type { TestRepository } from "./support/index-repository.ts";

/*
 * A client in Go that has no code of Berth's, only what reflection tells, calls every RPC of a real Berth.
 */

let files: ChartDirectory;
let repository: TestRepository;
let berth: TestBerth;
let client: GoClient;
const called = new Set<string>();
const pool = `p-${randomBytes(4).toString("hex")}`;

before(async () => {
  files = await makeChartDirectory();
  const templates = {
    "templates/config.yaml": CONFIG_MAP,
    "templates/service.yaml": SERVICE,
    "templates/NOTES.txt": "Hello {{ .Release.Name }}",
    "values.yaml": "value: none\n",
  };
  for (const version of ["1.0.0", "1.1.0"]) {
    const chart = await files.write("web", templates, `version: ${version}`);
    await helm(process.env["BERTH_TEST_CLUSTER"] ?? "", "package", chart, "-d", files.path);
  }
  await helm(process.env["BERTH_TEST_CLUSTER"] ?? "", "repo", "index", files.path);
  repository = await startRepository(files.path);
  const config = { repositories: { stable: { url: repository.url } }, operations: { openPerTenant: 1 } };
  berth = await startTestBerth({ config });
  client = await openGoClient(files.path, new URL(berth.url).host);
});
after(async () => {
  await client[Symbol.asyncDispose]();
  await berth[Symbol.asyncDispose]();
  await repository[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
});

async function call(method: string, request: object, how?: GoCall): Promise<GoAnswer> {
  const name = method.startsWith("appscode.") || method.startsWith("grpc.") ? method : `berth.v1.${method}`;
  called.add(name);
  return client.call(name, request, how);
}

/** Calls what has to go well, and gives its one answer. */
async function good(method: string, request: object, how?: GoCall): Promise<Readonly<Record<string, unknown>>> {
  const { code, message, messages, details } = await call(method, request, how);
  assert.equal(code, "OK", `${method}: ${message} ${JSON.stringify(details)}`);
  return messages[0] ?? {};
}

/** Calls what has to be refused with a code, and gives the details of that. */
async function bad(method: string, request: object, code: string, reason: string): Promise<GoAnswer["details"]> {
  const answer = await call(method, request, ENDED);
  assert.deepEqual([answer.code, answer.details["google.rpc.ErrorInfo"]?.["reason"]], [code, reason], answer.message);
  return answer.details;
}

const namespace = () => ({ cluster: "local", namespace: berth.namespace });
const release = () => ({ ...namespace(), name: "web" });
const chart = (version: string) => ({ name: "web", repository: repository.url, version });
/** A write answers what became of it. */
const ENDED: GoCall = { metadata: { prefer: "wait=60" } };
const stateOf = (operation: object) => (operation as { state: string }).state;

test("a release is installed, followed, read, upgraded, rolled back and uninstalled", async () => {
  const service = "ReleaseService";
  const install = { ...release(), chart: chart("1.0.0"), values: { value: "one" } };
  const plan = await good(`${service}/PlanInstall`, install);
  assert.equal(plan["verb"], "VERB_INSTALL");
  const rendered = await good(`${service}/RenderRelease`, install);
  assert.match(String(rendered["manifest"]), /value: "one"/);

  const accepted = await good(`${service}/InstallRelease`, install);
  const { id } = accepted as { id: string };
  const followed = await call("OperationService/WatchOperation", { id });
  assert.equal(followed.code, "OK", followed.message);
  const [last] = followed.messages.slice(-1) as { operation?: { state: string; done: boolean } }[];
  assert.deepEqual([last?.operation?.state, last?.operation?.done], ["OPERATION_STATE_SUCCEEDED", true]);
  assert.ok(
    followed.messages.some((news) => (news["applied"] as { object?: object } | undefined)?.object !== undefined),
  );

  const found = (await good(`${service}/GetRelease`, release())) as { status: string; revision: number };
  assert.deepEqual([found.status, found.revision], ["deployed", 1]);
  const upgraded = await good(`${service}/UpgradeRelease`, { ...release(), chart: chart("1.1.0") }, ENDED);
  assert.equal(stateOf(upgraded), "OPERATION_STATE_SUCCEEDED");
  const back = await good(`${service}/RollbackRelease`, { ...release(), revision: 1 }, ENDED);
  assert.equal(stateOf(back), "OPERATION_STATE_SUCCEEDED");
  const history = await good(`${service}/GetReleaseHistory`, release());
  const revisions = history["revisions"] as { revision: number; status: string; chart: { version: string } }[];
  assert.deepEqual(
    revisions.map(({ revision, status, chart: { version } }) => [revision, status, version]),
    [
      [3, "deployed", "1.0.0"],
      [2, "superseded", "1.1.0"],
      [1, "superseded", "1.0.0"],
    ],
  );
  const before = await berth.helmJson<{ revision: number }[]>("history", "web");
  assert.deepEqual(
    before.map(({ revision }) => revision),
    [1, 2, 3],
    "helm says the same",
  );
});

test("every other read and plan of the release is answered", async () => {
  const service = "ReleaseService";
  const values = await good(`${service}/GetReleaseValues`, release());
  assert.deepEqual(values["values"], { value: "one" });
  assert.match(String((await good(`${service}/GetReleaseManifest`, release()))["manifest"]), /kind: Service/);
  assert.equal((await good(`${service}/GetReleaseNotes`, release()))["notes"], "Hello web");
  assert.deepEqual((await good(`${service}/GetReleaseHooks`, release()))["hooks"], []);
  assert.equal((await good(`${service}/GetReleaseStatus`, release()))["ready"], true);
  const checked = (await good(`${service}/CheckRelease`, release()))["objects"] as { state: string }[];
  assert.deepEqual(new Set(checked.map(({ state }) => state)), new Set(["CHECK_STATE_IN_SYNC"]));
  assert.equal((await good(`${service}/DiffRelease`, { ...release(), from: 1, to: 2 }))["to"], 2);
  const upgrade = { ...release(), chart: chart("1.1.0"), values: { value: "two" } };
  assert.match(String((await good(`${service}/PlanUpgrade`, upgrade))["values_diff"]), /\+value: two/);
  const compared = await good(`${service}/CompareReleaseValues`, { ...release(), chart: chart("1.1.0") });
  assert.equal((compared["chart"] as { version: string }).version, "1.1.0");
  assert.equal((await good(`${service}/ListReleases`, namespace()))["total_size"], 1);
  const outdated = (await good(`${service}/ListOutdatedReleases`, namespace()))["releases"] as { newest: string }[];
  assert.deepEqual(
    outdated.map(({ newest }) => newest),
    ["1.1.0"],
  );
  assert.equal(stateOf(await good(`${service}/TestRelease`, release(), ENDED)), "OPERATION_STATE_SUCCEEDED");
  await bad(`${service}/UnlockRelease`, release(), "FailedPrecondition", "RELEASE_NOT_STUCK");
});

test("operations are listed, read, and cancelled or repeated where that can be", async () => {
  const { operations } = (await good("OperationService/ListOperations", { ...namespace(), release: "web" })) as {
    operations: { id: string; verb: string }[];
  };
  const { id } = operations.find(({ verb }) => verb === "VERB_UPGRADE") ?? { id: "" };
  assert.equal(stateOf(await good("OperationService/GetOperation", { id })), "OPERATION_STATE_SUCCEEDED");
  assert.equal(stateOf(await good("OperationService/CancelOperation", { id })), "OPERATION_STATE_SUCCEEDED");
  const { code, details } = await call("OperationService/RetryOperation", { id });
  assert.equal(code, "FailedPrecondition", JSON.stringify(details));
});

test("charts and their sources are searched, shown and written", async () => {
  const found = await good("ChartService/SearchCharts", { repository: repository.url });
  assert.deepEqual(
    (found["charts"] as { name: string }[]).map(({ name }) => name),
    ["web"],
  );
  const { versions } = await good("ChartService/ListChartVersions", { chart: chart("") });
  assert.deepEqual(
    (versions as { version: string }[]).map(({ version }) => version),
    ["1.1.0", "1.0.0"],
  );
  const shown = await good("ChartService/ShowChart", { chart: chart("1.0.0"), file: "values.yaml" });
  // As JSON of proto3 has bytes.
  assert.equal(Buffer.from(String(shown["content"]), "base64").toString(), "value: none\n");

  const service = "ChartSourceService";
  const source = { namespace: berth.namespace, name: "mine" };
  const created = await good(`${service}/CreateChartSource`, { ...source, url: repository.url });
  assert.equal(created["url"], repository.url);
  assert.equal((await good(`${service}/GetChartSource`, source))["name"], "mine");
  await good(`${service}/RefreshChartSource`, source);
  const updated = await good(`${service}/UpdateChartSource`, { ...source, url: repository.url, suspend: true });
  assert.equal(updated["suspend"], true);
  await good(`${service}/ListChartSources`, { namespace: berth.namespace });
  await good(`${service}/DeleteChartSource`, source);
  await bad(`${service}/GetChartSource`, source, "NotFound", "CHART_SOURCE_NOT_FOUND");
});

test("pools and exposures are made, watched and deleted", async () => {
  const at = { cluster: "local" };
  const ports = { from: 26_000, to: 26_099 };
  const pools = "PoolService";
  const made = { ...at, name: pool, driver: "DRIVER_CONFIGMAP", ports, simulated: true, all_namespaces: true };
  await good(`${pools}/CreatePool`, made);
  const place = { namespace: berth.namespace, tcp: "tcp-ports" };
  const address = { ...at, pool, name: `${pool}-0`, address: "edge.example.com", configmap: place };
  await good(`${pools}/CreateAddress`, address);
  await eventually("the pool's address carries ports", async () => {
    const { name, ready } = await good(`${pools}/GetPool`, { ...at, name: pool });
    assert.equal(name, pool);
    return ready === true ? true : undefined;
  });
  const listed = (await good(`${pools}/ListPools`, at))["pools"] as { name: string }[];
  assert.ok(listed.some(({ name }) => name === pool));
  const seen = await call(`${pools}/WatchPools`, at, { messages: 1 });
  assert.deepEqual([seen.code, seen.messages[0]?.["type"]], ["OK", "added"]);

  const exposures = "ExposureService";
  const reserved = await good(`${exposures}/ReservePort`, { ...namespace(), pool });
  await good(`${exposures}/CancelReservation`, { ...namespace(), id: reserved["id"] });
  const expose = { service: "web-svc", service_port: 80, pool, name: "by-go" };
  const one = { ...namespace(), name: "by-go" };
  await good(`${exposures}/CreateExposure`, { ...namespace(), expose }, ENDED);
  const exposed = await good(`${exposures}/GetExposure`, one);
  assert.match(String(exposed["endpoint"]), /^edge\.example\.com:260\d\d$/);
  assert.equal((await good(`${exposures}/ListExposures`, namespace()))["total_size"], 1);
  const watched = await call(`${exposures}/WatchExposures`, namespace(), { messages: 2 });
  assert.deepEqual(
    watched.messages.map(({ type }) => type),
    ["added", "synced"],
  );
  await good(`${exposures}/ExposeRelease`, { ...release(), pool }, ENDED);
  await good(`${exposures}/DeleteExposure`, one);
  const rest = (await good(`${exposures}/ListExposures`, namespace()))["exposures"] as { name: string }[];
  for (const { name } of rest) await call(`${exposures}/DeleteExposure`, { ...namespace(), name });
  for (const limit = Date.now() + 20_000; Date.now() < limit;) {
    if ((await call(`${pools}/DeleteAddress`, { ...at, pool, name: `${pool}-0` })).code === "OK") break;
  }
  await call(`${pools}/DeletePool`, { ...at, name: pool });
});

test("what of a release runs is read and followed", async () => {
  const service = "ReleaseLiveService";
  const tree = (await good(`${service}/GetReleaseTree`, release()))["nodes"] as { object: { kind: string } }[];
  assert.ok(tree.some(({ object }) => object.kind === "Service"));
  const { messages } = await call(`${service}/WatchReleaseTree`, release(), { messages: tree.length + 1 });
  assert.equal(messages.at(-1)?.["type"], "synced");
  assert.equal((await good(`${service}/ListReleaseEvents`, release()))["total_size"], 0);
  const told = await call(`${service}/WatchReleaseEvents`, release(), { messages: 1 });
  assert.equal(told.messages[0]?.["type"], "synced");
  await bad(`${service}/StreamPodLogs`, { ...release(), pod: "none" }, "NotFound", "POD_NOT_FOUND");
});

test("clusters are made known, changed and forgotten, and a list is watched", async () => {
  const service = "ClusterService";
  const name = `c-${randomBytes(4).toString("hex")}`;
  const place = { name, server: "https://127.0.0.1:9" };
  const dry = await good(`${service}/BootstrapCluster`, { ...place, credentials: { token: "x" }, validate_only: true });
  assert.match(String(dry["manifest"]), /kind: ServiceAccount/);
  await good(`${service}/CreateCluster`, { ...place, credentials: { token: "x" } });
  assert.equal((await good(`${service}/GetCluster`, { name }))["server"], place.server);
  const { clusters } = (await good(`${service}/ListClusters`, {})) as { clusters: { name: string; home: boolean }[] };
  assert.deepEqual([clusters[0]?.home, clusters.some((one) => one.name === name)], [true, true]);
  const moved = { name, server: "https://127.0.0.1:10" };
  await bad(`${service}/UpdateCluster`, moved, "InvalidArgument", "INVALID_ARGUMENT");
  await good(`${service}/UpdateCluster`, { ...moved, credentials: { token: "y" } });
  await good(`${service}/DeleteCluster`, { name });
  await bad(`${service}/GetCluster`, { name }, "NotFound", "CLUSTER_NOT_FOUND");
  const { messages } = await call("ReleaseService/WatchReleases", namespace(), { messages: 1 });
  assert.match(String(messages[0]?.["type"]), /^(added|synced)$/);
});

test("errors carry their code, field, hint and when to come again", async () => {
  const details = await bad(
    "ReleaseService/GetRelease",
    { ...release(), name: "No_Name" },
    "InvalidArgument",
    "INVALID_ARGUMENT",
  );
  assert.deepEqual(
    (details["google.rpc.BadRequest"]?.["fieldViolations"] as { field: string }[]).map(({ field }) => field),
    ["name"],
  );
  const rest = await berth.request<{ hint: string }>("GET", `${berth.releases}/No_Name`);
  const { metadata } = details["google.rpc.ErrorInfo"] as { metadata: { hint: string } };
  assert.equal(metadata.hint, rest.body.hint);

  const path = await berth.charts.write("waits", {
    "templates/waits.yaml": `apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: never }
spec: { storageClassName: none, accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
`,
  });
  const waits = { ...namespace(), name: "waits", chart: { path }, options: { wait: true, timeout: "60s" } };
  const { id } = (await good("ReleaseService/InstallRelease", waits)) as { id: string };
  const refused = { ...release(), name: "second", chart: chart("1.0.0") };
  const full = await bad("ReleaseService/InstallRelease", refused, "ResourceExhausted", "EXHAUSTED");
  assert.equal(full["google.rpc.RetryInfo"]?.["retryDelay"], "10s");
  await good("OperationService/CancelOperation", { id });
  const late = await call("OperationService/WatchOperation", { id: "op-none" });
  assert.equal(late.code, "NotFound");
});

test("a deadline is told as one", async () => {
  const how = { timeout_ms: 300 };
  const { code } = await call("ExposureService/WatchExposures", namespace(), how);
  assert.equal(code, "DeadlineExceeded");
});

test("Swift's service has the life of a release", async () => {
  const service = "appscode.swift.v2.ReleaseService";
  const one = { name: "old", namespace: berth.namespace };
  const installed = await good(`${service}/InstallRelease`, { ...one, chart_url: "stable/web/1.0.0" });
  assert.equal((installed["release"] as { version: number }).version, 1);
  await good(`${service}/UpdateRelease`, { ...one, chart_url: "stable/web/1.1.0" });
  const content = await good(`${service}/GetReleaseContent`, one);
  assert.equal((content["release"] as { version: number }).version, 2);
  await good(`${service}/RollbackRelease`, { ...one, version: 1 });
  assert.equal(((await good(`${service}/GetHistory`, one))["releases"] as object[]).length, 3);
  assert.equal((await good(`${service}/GetReleaseStatus`, one))["name"], "old");
  const list = await good(`${service}/SummarizeReleases`, { namespace: berth.namespace });
  assert.ok((list["releases"] as { name: string }[]).some(({ name }) => name === "old"));
  await good(`${service}/GetVersion`, {});
  await good(`${service}/UninstallRelease`, { ...one, purge: true });
  await bad(`${service}/GetReleaseStatus`, one, "NotFound", "RELEASE_NOT_FOUND");
});

test("health is told, once and as it changes", async () => {
  assert.equal((await good("grpc.health.v1.Health/Check", {}))["status"], "SERVING");
  const { messages } = await call("grpc.health.v1.Health/Watch", {}, { messages: 1 });
  assert.deepEqual(messages, [{ status: "SERVING" }]);
});

test("uninstalled, the release is gone; and no RPC was left out", async () => {
  const gone = await good("ReleaseService/UninstallRelease", release(), ENDED);
  assert.equal(stateOf(gone), "OPERATION_STATE_SUCCEEDED");
  await bad("ReleaseService/GetRelease", release(), "NotFound", "RELEASE_NOT_FOUND");
  // Reflection itself is how it knows of the others.
  const told = client.methods.filter((method) => !method.startsWith("grpc.reflection."));
  assert.deepEqual([...called].sort(), [...told].sort());
  for (const { typeName, methods } of [...BERTH_SERVICES, swift.ReleaseService]) {
    for (const { name } of methods) assert.ok(told.includes(`${typeName}/${name}`), name);
  }
});
