import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { refused } from "./support/answers.ts";
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
import type { ExposureAnswer, TestPool } from "./support/exposures.ts";

let berth: TestBerth;
let pool: TestPool;
let exposures: string;

before(async () => {
  berth = await startTestBerth();
  exposures = exposuresPath(berth);
  pool = await makePool(berth, { from: 22_000, to: 22_099, udp: true });
  await makeService(berth, "web");
});
after(() => berth[Symbol.asyncDispose]());

type Mixed = ExposureAnswer & { readonly code?: string; readonly detail?: string };
const create = (body: object) => berth.request<Mixed>("POST", exposures, { pool: pool.name, ...body });

async function failed(body: object, reason: string, message: RegExp): Promise<void> {
  const { status, body: exposure } = await create(body);
  assert.deepEqual([status, exposure.state, exposure.reason], [200, "EXPOSURE_STATE_FAILED", reason]);
  assert.match(exposure.message, message);
  assert.notEqual(exposure.port, 0, "its port is held while it waits");
}

test("a service that cannot be exposed is said so", async () => {
  await makeService(berth, "headless", { clusterIP: "None" });
  await makeService(berth, "external", { type: "ExternalName", externalName: "example.com" });
  await failed({ service: "missing", service_port: 80 }, "SERVICE_NOT_FOUND", /no service "missing"/);
  await failed({ service: "web", service_port: 81 }, "SERVICE_PORT_NOT_FOUND", /no TCP port 81; it has http 80\/TCP/);
  await failed({ service: "web", service_port_name: "nope" }, "SERVICE_PORT_NOT_FOUND", /no TCP port nope/);
  const udp = { service: "web", service_port: 80, protocols: ["PROTOCOL_UDP"], name: "udp" };
  await failed(udp, "SERVICE_PORT_NOT_FOUND", /no UDP port 80/);
  await failed({ service: "headless", service_port: 80 }, "SERVICE_UNSUPPORTED", /is headless/);
  await failed({ service: "external", service_port: 80 }, "SERVICE_UNSUPPORTED", /is an ExternalName/);
  const named = await create({ service: "web", service_port_name: "http" });
  assert.equal(named.body.state, "EXPOSURE_STATE_READY");
  assert.equal((await pool.entries())[String(named.body.port)], `${berth.namespace}/web:80`);
});

test("two exposures of one service are two ports, and a service that changes is followed", async () => {
  const [one, two] = await Promise.all(
    ["one", "two"].map((name) => create({ service: "web", service_port: 80, name })),
  );
  assert.notEqual(one?.body.port, two?.body.port);
  await makeService(berth, "moves");
  const { body } = await create({ service: "moves", service_port_name: "http" });
  const path = `/api/v1/namespaces/${berth.namespace}/services/moves`;
  const ports = [{ name: "http", port: 8080 }];
  await berth.kube.request({
    method: "PATCH",
    path,
    contentType: "application/merge-patch+json",
    body: { spec: { ports } },
  });
  await eventually("the entry follows", async () => {
    return (await pool.entries())[String(body.port)] === `${berth.namespace}/moves:8080` ? true : undefined;
  });
  await berth.kube.request({ method: "DELETE", path });
  await untilReady(berth.kube, `namespaces/${berth.namespace}/exposures/${body.name}`, "SERVICE_NOT_FOUND");
});

test("a pool is for the namespaces that it names, selects, or all", async () => {
  const closed = await makePool(berth, { allowed: {} });
  refused(await create({ service: "web", service_port: 80, pool: closed.name }), 403, "POOL_REFUSED", "pool");
  const place = { name: "refused", namespace: berth.namespace };
  await applyByHand(berth.kube, "Exposure", place, { service: { name: "web", port: 80 }, pool: closed.name });
  const path = `namespaces/${berth.namespace}/exposures/refused`;
  await untilReady(berth.kube, path, "POOL_REFUSED");
  const name = berth.namespace;
  const spec = { driver: "configmap", ports: { from: 20_000, to: 20_999 } };
  const selector = { matchLabels: { "kubernetes.io/metadata.name": name } };
  await applyByHand(berth.kube, "AddressPool", { name: closed.name }, { ...spec, allowedNamespaces: { selector } });
  await untilReady(berth.kube, path);
});

test("a namespace that is deleted gives its ports back", async () => {
  const namespace = `${berth.namespace}-gone`;
  const open = await makePool(berth, { allowed: { all: true } });
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
  await berth.kube.request({ method: "POST", path: "/api/v1/namespaces", body });
  const place = { name: "doomed", namespace };
  await applyByHand(berth.kube, "Exposure", place, { service: { name: "web", port: 80 }, pool: open.name });
  await untilReady(berth.kube, `namespaces/${namespace}/exposures/doomed`, "SERVICE_NOT_FOUND");
  await berth.kube.request({ method: "DELETE", path: `/api/v1/namespaces/${namespace}` });
  await eventually("it is gone", async () => {
    return (await stored(berth.kube, `namespaces/${namespace}/exposures/doomed`)) === undefined ? true : undefined;
  });
  await eventually("its port is free", async () => ((await open.claims()).length === 0 ? true : undefined));
});

test("a pool with exposures in it is not deleted under them", async () => {
  const busy = await makePool(berth);
  const { body } = await create({ service: "web", service_port: 80, pool: busy.name, name: "busy" });
  const path = `/v1/clusters/local/pools/${busy.name}`;
  refused(await berth.request("DELETE", path), 409, "POOL_IN_USE");
  await berth.kube.request({ method: "DELETE", path: `/apis/berth.dev/v1alpha1/addresspools/${busy.name}` });
  await untilReady(berth.kube, `addresspools/${busy.name}`, "POOL_IN_USE");
  assert.deepEqual(await busy.entries(), { [String(body.port)]: `${berth.namespace}/web:80` }, "nothing is cut");
  const late = await create({ service: "web", service_port: 80, pool: busy.name, name: "late" });
  refused(late, 404, "POOL_NOT_FOUND", "pool");
  await berth.request("DELETE", `${exposures}/busy`);
  await eventually("the pool goes", async () => {
    return (await stored(berth.kube, `addresspools/${busy.name}`)) === undefined ? true : undefined;
  });
});

test("one place belongs to one address of one pool", async () => {
  const other = await makePool(berth);
  const again = { name: "again", configmap: { namespace: berth.namespace, tcp: `tcp-${pool.slots[0] ?? ""}` } };
  const path = `/v1/clusters/local/pools/${other.name}/addresses`;
  refused(await berth.request("POST", path, again), 409, "ADDRESS_TAKEN", "address");
  const name = `${other.name}-again`;
  await applyByHand(berth.kube, "Address", { name }, { pool: other.name, configmap: again.configmap });
  const late = await untilReady(berth.kube, `addresses/${name}`, "ADDRESS_TAKEN");
  assert.match(
    late.status?.conditions?.[0]?.message ?? "",
    new RegExp(`Address "${pool.slots[0] ?? ""}" of pool "${pool.name}"`),
  );
});

test("a pool whose driver is not there is said so", async () => {
  const name = `g-${berth.namespace}`;
  const allowedNamespaces = { all: true };
  await applyByHand(
    berth.kube,
    "AddressPool",
    { name },
    { driver: "gateway", ports: { from: 1, to: 9 }, allowedNamespaces },
  );
  await applyByHand(berth.kube, "Address", { name }, { pool: name, gateway: { namespace: "default", name: "edge" } });
  await untilReady(berth.kube, `addresses/${name}`, "DRIVER_UNAVAILABLE");
  refused(await create({ service: "web", service_port: 80, pool: name }), 503, "DRIVER_UNAVAILABLE");
  const place = { name: "no-driver", namespace: berth.namespace };
  await applyByHand(berth.kube, "Exposure", place, { service: { name: "web", port: 80 }, pool: name });
  await untilReady(berth.kube, `namespaces/${berth.namespace}/exposures/no-driver`, "DRIVER_UNAVAILABLE");
});

test("a node port is a Service of the exposure's own, and one that somebody has is passed over", async () => {
  const name = `n-${berth.namespace}`;
  const ports = { from: 31_000, to: 31_002 };
  await applyByHand(
    berth.kube,
    "AddressPool",
    { name },
    { driver: "nodeport", ports, allowedNamespaces: { all: true } },
  );
  await applyByHand(berth.kube, "Address", { name }, { pool: name, address: "192.0.2.1", nodeport: {} });
  await untilReady(berth.kube, `addresses/${name}`);
  const strange = [{ port: 80, nodePort: 31_001 }];
  await makeService(berth, "strange", { type: "NodePort", ports: strange });
  const made = await Promise.all(
    ["n-1", "n-2"].map((one) => create({ service: "web", service_port: 80, pool: name, name: one })),
  );
  assert.deepEqual(
    new Set(made.map(({ body }) => body.port)),
    new Set([31_000, 31_002]),
    JSON.stringify(made.map(({ body }) => body)),
  );
  const asked = await create({ service: "web", service_port: 80, pool: name, name: "n-3", port: 31_001 });
  refused(asked, 409, "PORT_TAKEN", "port");
  for (const one of ["n-1", "n-2"]) await berth.request("DELETE", `${exposures}/${one}`);
  const services = await berth.object<{ items: unknown[] }>(
    `api/v1/namespaces/{ns}/services?labelSelector=berth.dev/exposure`,
  );
  assert.equal(services?.items.length, 0);
  // There is one address of this kind in a cluster.
  await berth.request("DELETE", `${exposures}/n-3`);
  await eventually("the pool goes", async () => {
    const { status } = await berth.request("DELETE", `/v1/clusters/local/pools/${name}`);
    return status === 404 ? true : undefined;
  });
});
