import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";

import { waitUntil } from "@berth/devcluster";

import { refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { awaitNoDefinitions, chartFromModule, countPart, deleteDefinitions, liveObjects } from "./support/giants.ts";
import { recordSize, writeUmbrella } from "./support/giants.ts";
import type { LiveObjects, ModuleChart, ObjectReference } from "./support/giants.ts";

const ENVOY = "github.com/envoyproxy/gateway@v1.9.1";
/** Helm's limit for a record: what a Secret holds. */
const RECORD_LIMIT = 1_048_576;
/** Pods and hook Jobs are simulated: they get ready and complete. */
const options = { wait: true, timeout: "90s" };

/** A public chart, the values it is installed and upgraded with, and what the upgrade changes in the cluster. */
interface Giant extends ModuleChart {
  readonly release: string;
  readonly installValues?: (release: string) => object;
  readonly upgradeValues: object;
  /** An object that the upgrade changes; what is read of it before and after. */
  readonly changed: (release: string) => string;
  readonly read: (object: Workload | undefined) => unknown;
  readonly values: readonly [before: unknown, after: unknown];
  /** How many its manifest has. */
  readonly objects: number;
  /** The API groups of its custom resource definitions. */
  readonly groups: readonly string[];
  /** The objects that the chart tells Helm to keep. */
  readonly keeps?: (object: ObjectReference) => boolean;
}

interface Workload {
  readonly spec: { readonly replicas?: number };
}

const replicas = (object: Workload | undefined) => object?.spec.replicas;
const deployment = (name: string) => `apis/apps/v1/namespaces/{ns}/deployments/${name}`;

const GIANTS: readonly Giant[] = [
  {
    release: "envoy",
    module: ENVOY,
    directory: "charts/gateway-helm",
    placeholders: { GatewayImage: "docker.io/envoyproxy/gateway:v1.9.1", GatewayImagePullPolicy: "IfNotPresent" },
    // A cluster-wide webhook made by a hook: uninstalling leaves it behind, and no simulated pod answers it.
    installValues: () => ({ topologyInjector: { enabled: false } }),
    upgradeValues: { deployment: { replicas: 2 } },
    changed: () => deployment("envoy-gateway"),
    read: replicas,
    values: [1, 2],
    objects: 12,
    groups: ["gateway.envoyproxy.io", "gateway.networking.k8s.io", "gateway.networking.x-k8s.io"],
  },
  {
    release: "metallb",
    module: "go.universe.tf/metallb@v0.16.2",
    directory: "charts/metallb",
    upgradeValues: { frrk8s: { enabled: false } },
    changed: (release) => `apis/apps/v1/namespaces/{ns}/daemonsets/${release}-frr-k8s`,
    read: (object) => object !== undefined,
    values: [true, false],
    objects: 42,
    groups: ["metallb.io"],
  },
  {
    release: "kwok",
    // The module's charts stage-fast and metrics-usage are objects of CRDs that no chart of the module brings.
    module: "sigs.k8s.io/kwok@v0.8.0",
    directory: "charts/kwok",
    installValues: (release) => ({ fullnameOverride: release }),
    upgradeValues: { replicas: 3 },
    changed: (release) => deployment(release),
    read: replicas,
    values: [1, 3],
    objects: 7,
    groups: [],
  },
  {
    release: "certs",
    module: "github.com/cert-manager/cert-manager@v1.21.2",
    directory: "deploy/charts/cert-manager",
    installValues: () => ({ crds: { enabled: true } }),
    upgradeValues: { replicaCount: 2, podDisruptionBudget: { enabled: true }, webhook: { replicaCount: 2 } },
    changed: (release) => deployment(`${release}-cert-manager`),
    read: replicas,
    values: [1, 2],
    objects: 46,
    groups: ["cert-manager.io"],
    keeps: ({ kind }) => kind === "CustomResourceDefinition",
  },
];

const groups = GIANTS.flatMap((giant) => giant.groups);

let berth: TestBerth;
let live: LiveObjects;

before(async () => {
  berth = await startTestBerth();
  live = liveObjects(berth);
  await awaitNoDefinitions(berth.kube, groups);
});
after(async () => {
  await deleteDefinitions(berth.kube, groups).finally(() => berth[Symbol.asyncDispose]());
});

const nameOf = ({ api_version, kind, namespace = "", name }: ObjectReference) =>
  [api_version, kind, namespace, name].join(" ");
const without = (all: readonly ObjectReference[], others: readonly ObjectReference[]) => {
  const names = new Set(others.map(nameOf));
  return all.filter((reference) => !names.has(nameOf(reference)));
};

async function install(name: string, path: string, values: object) {
  const body = { name, chart: { path }, values, options };
  return succeeded(await berth.request<OperationAnswer>("POST", berth.releases, body));
}

async function upgrade(name: string, path: string, values: object) {
  const body = { chart: { path }, values, options };
  return succeeded(await berth.request<OperationAnswer>("PUT", `${berth.releases}/${name}`, body));
}

async function rollback(name: string) {
  const body = { revision: 1, options };
  return succeeded(await berth.request<OperationAnswer>("POST", `${berth.releases}/${name}:rollback`, body));
}

async function uninstall(name: string, query = "") {
  return succeeded(await berth.request<OperationAnswer>("DELETE", `${berth.releases}/${name}${query}`));
}

/** Not Helm's wait: the API server may take a minute and more for the end of a young CRD. */
async function awaitNone(references: readonly ObjectReference[]): Promise<void> {
  const areGone = async () => (await live.missing(references)).length === references.length;
  await waitUntil("no object of the release is left", 150_000, areGone, 200);
}

/** Asserts that Berth's status, Berth's manifest, the helm command line and the cluster agree; gives the objects. */
async function agreeing(t: TestContext, release: string, revision: number): Promise<ObjectReference[]> {
  const get = async <T>(path: string) => (await berth.request<T>("GET", `${berth.releases}/${release}/${path}`)).body;
  const status = await get<{ ready: boolean; objects: { object: ObjectReference; status: string }[] }>("status");
  const { manifest } = await get<{ manifest: string }>("manifest");
  const objects = status.objects.map(({ object }) => object);
  assert.equal(objects.length, manifest.match(/^kind: /gm)?.length, "an object for each of the manifest");
  assert.equal(manifest.trim(), (await berth.helm("get", "manifest", release)).trim());
  const told = await berth.helmJson<{ version: number; info: { status: string } }>("status", release);
  assert.deepEqual([told.version, told.info.status], [revision, "deployed"]);
  assert.deepEqual(await live.missing(objects), []);
  assert.deepEqual(
    status.objects.filter((object) => object.status !== "Current"),
    [],
  );
  assert.equal(status.ready, true);
  const size = await recordSize(berth, release, revision);
  assert.ok(size < RECORD_LIMIT, `revision ${revision} fits a Secret`);
  t.diagnostic(`${release} revision ${revision}: ${objects.length} objects, a record of ${size} bytes`);
  return objects;
}

test("a public chart that is too big for Helm is refused with the numbers, before anything is made", async (t) => {
  const directory = "charts/gateway-crds-helm";
  const chart = await chartFromModule(`${berth.charts.path}/envoy-crds`, { module: ENVOY, directory });
  if ("reason" in chart) return t.skip(chart.reason);
  const values = { crds: { gatewayAPI: { enabled: true }, envoyGateway: { enabled: true } } };
  const body = { name: "too-big", chart: { path: chart.path }, values };
  const problem = refused(await berth.request("POST", berth.releases, body), 422, "RELEASE_TOO_LARGE");
  const { details } = problem as { details?: { size?: string; limit?: string } };
  assert.ok(Number(details?.size) > RECORD_LIMIT, JSON.stringify(details));
  assert.equal(details?.limit, String(RECORD_LIMIT));
  assert.deepEqual(await berth.helmJson("list", "--filter", "^too-big$"), []);
  const definition = "apis/apiextensions.k8s.io/v1/customresourcedefinitions/envoyproxies.gateway.envoyproxy.io";
  assert.equal(await berth.object(definition), undefined, "no definition was made");
});

for (const giant of GIANTS) {
  test(`${giant.module} ${giant.directory} is installed, upgraded, rolled back and uninstalled`, async (t) => {
    const release = `${giant.release}-${berth.namespace}`;
    const chart = await chartFromModule(`${berth.charts.path}/${giant.release}`, giant);
    if ("reason" in chart) return t.skip(chart.reason);
    const values = giant.installValues?.(release) ?? {};
    const seen = async () => giant.read(await berth.object<Workload>(giant.changed(release)));

    await install(release, chart.path, values);
    const first = await agreeing(t, release, 1);
    assert.equal(first.length, giant.objects);
    assert.equal(await seen(), giant.values[0]);

    await upgrade(release, chart.path, { ...values, ...giant.upgradeValues });
    const second = await agreeing(t, release, 2);
    assert.equal(await seen(), giant.values[1]);
    await awaitNone(without(first, second));

    await rollback(release);
    assert.deepEqual(await agreeing(t, release, 3), first);
    assert.equal(await seen(), giant.values[0]);
    await awaitNone(without(second, first));

    const namespaced = await live.namespaced(first);
    await uninstall(release);
    await awaitNone(namespaced);
    assert.deepEqual(await live.missing(first.filter(giant.keeps ?? (() => false))), [], "what the chart keeps");
    assert.equal((await berth.request("GET", `${berth.releases}/${release}`)).status, 404);
  });
}

test("an umbrella of five dependencies and hundreds of objects", async (t) => {
  const release = "umbrella";
  const chart = await writeUmbrella(berth);
  const counts = async () => {
    const parts = ["umbrella", "east", "west", "docks", "buoys", "registry"];
    const all = await Promise.all(parts.map((part) => countPart(berth, release, part)));
    return Object.fromEntries(parts.map((part, index) => [part, all[index]]));
  };
  const config = async (name: string) =>
    (await berth.object<{ data: object }>(`api/v1/namespaces/{ns}/configmaps/${release}-${name}`))?.data;
  const initial = { umbrella: 1, east: 100, west: 100, docks: 0, buoys: 0, registry: 100 };

  await install(release, chart, {});
  assert.equal((await agreeing(t, release, 1)).length, 301);
  assert.deepEqual(await counts(), initial);
  assert.deepEqual(await config("imported"), { mooring: "north", flag: "blue" });
  assert.deepEqual(await config("west-59"), { greeting: "hello", number: "59" });

  const west = { greeting: "ahoy", count: { Service: 30 } };
  await upgrade(release, chart, { west, docks: { enabled: true }, registry: { signal: { flag: "red" } } });
  assert.equal((await agreeing(t, release, 2)).length, 411);
  assert.deepEqual(await counts(), { ...initial, west: 110, docks: 100 });
  assert.deepEqual(await config("west-59"), { greeting: "ahoy", number: "59" });
  assert.deepEqual(await config("east-59"), { greeting: "hello", number: "59" });

  await rollback(release);
  assert.equal((await agreeing(t, release, 3)).length, 301);
  assert.deepEqual(await counts(), initial);
  assert.deepEqual(await config("west-59"), { greeting: "hello", number: "59" });

  await uninstall(release, "?options.wait=true&options.timeout=90s");
  assert.deepEqual(await counts(), { umbrella: 0, east: 0, west: 0, docks: 0, buoys: 0, registry: 0 });
});
