import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import {
  applyByHand,
  eventually,
  exposuresPath,
  makePool,
  makeService,
  stored,
  untilReady,
} from "./support/exposures.ts";
import type { ExposureAnswer } from "./support/exposures.ts";

let berth: TestBerth;
let exposures: string;

before(async () => {
  berth = await startTestBerth();
  exposures = exposuresPath(berth);
  await makeService(berth, "web");
});
after(() => berth[Symbol.asyncDispose]());

const create = (body: object) =>
  berth.request<ExposureAnswer>("POST", exposures, { service: "web", service_port: 80, ...body });
const configMap = (name: string) => `/api/v1/namespaces/${berth.namespace}/configmaps/${name}`;
const patch = (name: string, body: object) =>
  berth.kube.request({ method: "PATCH", path: configMap(name), contentType: "application/merge-patch+json", body });

/** Does what an install of the ingress controller's chart does. */
function applyMap(name: string, data: Readonly<Record<string, string>>): Promise<unknown> {
  const metadata = { name, annotations: { theirs: "kept" } };
  return berth.kube.request({
    method: "PATCH",
    path: configMap(name),
    query: { fieldManager: "helm", force: "true" },
    contentType: "application/apply-patch+yaml",
    body: { apiVersion: "v1", kind: "ConfigMap", metadata, data },
  });
}

/** A pool whose ConfigMap, and the controller's Service, somebody has used before. */
async function makeUsedPool(data: Readonly<Record<string, string>>) {
  const name = `u-${randomBytes(4).toString("hex")}`;
  await applyMap(`tcp-${name}`, data);
  const ports = [
    { name: "http", port: 80 },
    { name: "proxied-24000", port: 24_000 },
  ];
  await makeService(berth, `controller-${name}`, { ports });
  const spec = { driver: "configmap", ports: { from: 24_000, to: 24_009 }, restSeconds: 1, reserved: 0 };
  await applyByHand(berth.kube, "AddressPool", { name }, { ...spec, allowedNamespaces: { all: true } });
  const place = { namespace: berth.namespace, tcp: `tcp-${name}`, service: `controller-${name}` };
  await applyByHand(berth.kube, "Address", { name }, { pool: name, address: `${name}.example.com`, configmap: place });
  await untilReady(berth.kube, `addresses/${name}`);
  return name;
}

interface ConfigMap {
  readonly metadata: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields?: readonly { readonly manager: string }[];
  };
  readonly data?: Readonly<Record<string, string>>;
}
interface Service {
  readonly spec: { readonly ports: readonly { readonly name: string; readonly port: number }[] };
}

test("a ConfigMap that was used before is adopted: its ports are claimed, and nothing is cut", async () => {
  const theirs = Object.fromEntries(
    Array.from({ length: 9 }, (_, i) => [String(24_000 + i), `other/svc-${String(i)}:1`]),
  );
  const mine = `${berth.namespace}/web:80`;
  const pool = await makeUsedPool({ ...theirs, "24001": mine });
  const claims = await stored(berth.kube, `portclaims/${pool}.tcp.24000`);
  assert.equal(claims?.spec.stranger?.entry, "other/svc-0:1");
  const made = await create({ pool, name: "adopted" });
  assert.equal(made.body.port, 24_009, "the one that is free");
  const read = () => berth.kube.request<ConfigMap>({ path: configMap(`tcp-${pool}`) });
  const after = await read();
  assert.deepEqual(after.data, { ...theirs, "24001": mine, "24009": mine });
  assert.equal(after.metadata.annotations?.theirs, "kept");
  const ports = async () =>
    (await berth.object<Service>(`api/v1/namespaces/{ns}/services/controller-${pool}`))?.spec.ports ?? [];
  assert.deepEqual(
    (await ports()).map(({ name }) => name),
    ["http", "proxied-24000", "berth-tcp-24009"],
  );
  const taken = await create({ pool, name: "refused", port: 24_000 });
  assert.deepEqual([taken.status, (taken.body as { code?: string }).code], [409, "PORT_TAKEN"]);
  // Asked for by its number, an entry that leads to the very same place is taken over as it is.
  const over = await create({ pool, name: "over", port: 24_001 });
  assert.deepEqual([over.body.port, over.body.state], [24_001, "EXPOSURE_STATE_READY"]);
  assert.equal((await stored(berth.kube, `portclaims/${pool}.tcp.24001`))?.spec.exposure?.name, "over");
  for (const name of ["adopted", "over"]) await berth.request("DELETE", `${exposures}/${name}`);
  const { "24001": _own, ...rest } = theirs;
  assert.deepEqual((await read()).data, rest, "theirs stay");
  assert.deepEqual(
    (await ports()).map(({ name }) => name),
    ["http", "proxied-24000"],
  );
});

test("who applied a ConfigMap stays its manager, and goes on without a word on Berth's keys", async () => {
  const pool = await makeUsedPool({ "24000": "other/svc:1", "24001": "other/svc:2" });
  const one = await create({ pool, name: "beside" });
  const two = await create({ pool, name: "beside-2" });
  const read = () => berth.kube.request<ConfigMap>({ path: configMap(`tcp-${pool}`) });
  const { managedFields = [] } = (await read()).metadata;
  const managers = new Set(managedFields.map(({ manager }) => manager));
  assert.ok(managers.has("helm"), [...managers].join());
  assert.ok(managedFields.length <= 2, "Berth's part does not grow with its keys");
  assert.ok(!JSON.stringify(managedFields).includes(`f:${String(one.body.port)}`));
  await applyMap(`tcp-${pool}`, { "24000": "other/svc:3" });
  const mine = `${berth.namespace}/web:80`;
  const ours = { [String(one.body.port)]: mine, [String(two.body.port)]: mine };
  assert.deepEqual((await read()).data, { "24000": "other/svc:3", ...ours });
  for (const name of ["beside", "beside-2"]) await berth.request("DELETE", `${exposures}/${name}`);
});

test("what others write meanwhile is not lost, and an entry that appears on a port of ours is left alone", async () => {
  const pool = await makePool(berth, { from: 24_100, to: 24_299 });
  const [slot = ""] = pool.slots;
  const name = `tcp-${slot}`;
  await create({ pool: pool.name, name: "first" });
  const others = Array.from({ length: 40 }, (_, index) => String(30_000 + index));
  const writing = (async () => {
    for (const port of others) await patch(name, { data: { [port]: `other/svc:${port}` } });
  })();
  const made = await Promise.all(
    Array.from({ length: 60 }, (_, index) => create({ pool: pool.name, name: `w-${String(index)}` })),
  );
  await writing;
  const entries = await pool.entries();
  assert.ok(
    others.every((port) => entries[port] === `other/svc:${port}`),
    "no key of others is lost",
  );
  assert.ok(
    made.every(({ body }) => entries[String(body.port)] === `${berth.namespace}/web:80`),
    "nor one of ours",
  );
  // Every port but one becomes somebody else's: that one is found, whatever is tried before.
  const small = await makePool(berth, { from: 24_300, to: 24_304, reserved: 0 });
  const taken = Object.fromEntries(["24300", "24301", "24302", "24303"].map((port) => [port, "other/svc:1"]));
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `tcp-${small.slots[0] ?? ""}` }, data: taken };
  await berth.kube.request({ method: "POST", path: `/api/v1/namespaces/${berth.namespace}/configmaps`, body });
  const found = await create({ pool: small.name, name: "passes-over" });
  assert.deepEqual([found.body.state, found.body.port], ["EXPOSURE_STATE_READY", 24_304], JSON.stringify(found.body));
  assert.deepEqual(await small.entries(), { ...taken, "24304": `${berth.namespace}/web:80` });
});

test("what leaks is mended: entries and claims that nobody wants, entries that are gone or changed", async () => {
  const pool = await makePool(berth, { from: 24_400, to: 24_499 });
  const [slot = ""] = pool.slots;
  const kept = (await create({ pool: pool.name, name: "kept" })).body.port;
  const cut = (await create({ pool: pool.name, name: "cut" })).body.port;
  // Somebody takes the finalizer off: the exposure goes, its claim and its entry stay.
  const path = `/apis/berth.dev/v1alpha1/namespaces/${berth.namespace}/exposures/cut`;
  const contentType = "application/merge-patch+json";
  await berth.kube.request({ method: "PATCH", path, contentType, body: { metadata: { finalizers: null } } });
  await berth.kube.request({ method: "DELETE", path });
  // Somebody empties an entry, and the controller loses track of one whose claim is gone.
  await patch(`tcp-${slot}`, { data: { [String(kept)]: "other/else:1", "24450": "gone/gone:1" } });
  const annotations = { "berth.dev/ports": `${String(kept)},${String(cut)},24450` };
  await patch(`tcp-${slot}`, { metadata: { annotations } });
  const wanted = { [String(kept)]: `${berth.namespace}/web:80` };
  await eventually(
    "entries are mended",
    async () => (JSON.stringify(await pool.entries()) === JSON.stringify(wanted) ? true : undefined),
    90_000,
  );
  await eventually("and claims", async () => ((await pool.claims()).length === 1 ? true : undefined), 60_000);
});
