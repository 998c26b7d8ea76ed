import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { gatewayImages, repository, whyNoRealNode } from "@berth/devcluster";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { ECHO, isRefused, untilAnswers } from "./support/echo.ts";
import { applyByHand, eventually, exposuresPath, makeService, untilReady } from "./support/exposures.ts";
import type { ExposureAnswer } from "./support/exposures.ts";
import { startGatewayCluster } from "./support/gateway.ts";
import type { GatewayCluster } from "./support/gateway.ts";
import { askByUdp } from "./support/udp.ts";

const skip = whyNoRealNode()?.message ?? false;
const POOL = "shared";
/** The real node's own address, in its world. */
const NODE_ADDRESS = "192.168.77.1";
const BOTH = ["PROTOCOL_TCP", "PROTOCOL_UDP"];
/** Exposures that come while a connection is open. */
const MANY = 500;
/** How many of them are asked for at once. */
const CALLERS = 16;

let shared: GatewayCluster;
before(async () => {
  if (skip !== false) return;
  shared = await startGatewayCluster();
  const { berth, gateway } = shared;
  const chart = { path: await berth.charts.write("echo", { "templates/all.yaml": ECHO }) };
  for (const name of ["one", "two"]) {
    const body = { name, chart, options: { wait: true, timeout: "60s" } };
    succeeded(await berth.request<OperationAnswer>("POST", berth.releases, body));
  }
  await makePool(POOL, 20_000, 20_999, [gateway.name]);
});
after(async () => {
  if (skip === false) await shared[Symbol.asyncDispose]();
});

/** Does what `kubectl apply` of a pool of Gateways does. */
async function makePool(name: string, from: number, to: number, gateways: readonly string[], capacity?: number) {
  const { kube } = shared.berth;
  const ports = { driver: "gateway", ports: { from, to }, restSeconds: 0, allowedNamespaces: { all: true } };
  await applyByHand(kube, "AddressPool", { name }, ports);
  for (const gateway of gateways) {
    const spec = { pool: name, gateway: { namespace: shared.gateway.namespace, name: gateway } };
    await applyByHand(kube, "Address", { name: `${name}-${gateway}` }, { ...spec, ...(capacity && { capacity }) });
    await untilReady(kube, `addresses/${name}-${gateway}`);
  }
}

async function expose(name: string, body: object): Promise<ExposureAnswer> {
  const { berth } = shared;
  const settings = { name, pool: POOL, service_port: 7000, ...body };
  const answer = await berth.request<ExposureAnswer>("POST", `${exposuresPath(berth)}?wait=60`, settings);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.equal(answer.body.state, "EXPOSURE_STATE_READY", JSON.stringify(answer.body));
  return answer.body;
}

/** Asks on a connection that stays open. */
async function askOn(socket: Socket): Promise<string> {
  socket.write("GET /hostname HTTP/1.1\r\nhost: x\r\n\r\n");
  const [chunk] = (await once(socket, "data")) as [Buffer];
  return chunk.toString().split("\r\n\r\n")[1] ?? "";
}

test(
  "an exposed port answers by TCP and UDP, follows the service, and is refused once it is deleted",
  { skip },
  async () => {
    const { berth } = shared;
    const exposure = await expose("echo", { service: "one", protocols: BOTH });
    assert.deepEqual([exposure.address, exposure.simulated], [shared.gateway.address, false]);
    await using tcp = await shared.forward(exposure.port);
    await using udp = await shared.forward(exposure.port, "udp");
    await untilAnswers(tcp.port, /^one-/);
    assert.match(await askByUdp(udp.port, "hostname"), /^one-/);

    // The same port leads elsewhere: the bytes follow.
    const spec = { service: { name: "two", port: 7000 }, protocols: ["TCP", "UDP"], pool: POOL };
    await applyByHand(berth.kube, "Exposure", { name: "echo", namespace: berth.namespace }, spec);
    await untilAnswers(tcp.port, /^two-/);
    await eventually("by UDP, too", async () => {
      const answer = await askByUdp(udp.port, "hostname").catch(() => "");
      return answer.startsWith("two-") ? true : undefined;
    });
    const moved = await berth.request<ExposureAnswer>("GET", `${exposuresPath(berth)}/echo`);
    assert.deepEqual([moved.body.port, moved.body.service], [exposure.port, "two"]);

    await berth.request("DELETE", `${exposuresPath(berth)}/echo`);
    await eventually("the connection is refused", () => isRefused(tcp.port), 3_000);
  },
);

test("a port that somebody else has on the Gateway is not given, and who has it is said", { skip }, async () => {
  const { berth, gateway } = shared;
  const port = 20_500;
  await berth.kube.request({
    method: "POST",
    path: `/apis/gateway.networking.k8s.io/v1/namespaces/${berth.namespace}/listenersets`,
    body: {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "ListenerSet",
      metadata: { name: "stranger" },
      spec: {
        parentRef: { name: gateway.name, namespace: gateway.namespace },
        listeners: [{ name: "tcp", protocol: "TCP", port, allowedRoutes: { kinds: [{ kind: "TCPRoute" }] } }],
      },
    },
  });
  const settings = { name: "wants", pool: POOL, service: "one", service_port: 7000, port };
  const answer = await eventually("the stranger is known", async () => {
    const { body } = await berth.request<ExposureAnswer>("POST", `${exposuresPath(berth)}?wait=10`, settings);
    return JSON.stringify(body).includes("stranger") ? body : undefined;
  });
  assert.match(JSON.stringify(answer), new RegExp(`ListenerSet ${berth.namespace}/stranger`));
  await berth.request("DELETE", `${exposuresPath(berth)}/wants`);
});

test("a service is refused of which a Gateway would take the wrong port", { skip }, async () => {
  const { berth } = shared;
  const ports = [
    { name: "tcp", port: 9000, targetPort: 8080 },
    { name: "udp", port: 9000, targetPort: 8081, protocol: "UDP" },
  ];
  await makeService(berth, "split", { ports });
  const settings = { name: "split", pool: POOL, service: "split", service_port: 9000, protocols: ["PROTOCOL_UDP"] };
  const { body } = await berth.request("POST", `${exposuresPath(berth)}?wait=10`, settings);
  assert.match(JSON.stringify(body), /SERVICE_UNSUPPORTED.*lead to different ports/);
  await berth.request("DELETE", `${exposuresPath(berth)}/split`);
});

test("a Gateway that lets no ListenerSet in, or is not there, is said", { skip }, async () => {
  const { kube } = shared.berth;
  const ports = { driver: "gateway", ports: { from: 1000, to: 1100 }, allowedNamespaces: { all: true } };
  await applyByHand(kube, "AddressPool", { name: "none" }, ports);
  const gateway = { namespace: shared.gateway.namespace, name: "nobody" };
  await applyByHand(kube, "Address", { name: "none-0" }, { pool: "none", gateway });
  const missing = await untilReady(kube, "addresses/none-0", "DRIVER_UNAVAILABLE");
  assert.match(JSON.stringify(missing.status), /no Gateway \\"nobody\\"/);
});

test("a node port leads to the service through kube-proxy, and is refused once it is deleted", { skip }, async () => {
  const { berth, node } = shared;
  const ports = { from: 30_500, to: 30_599 };
  const pool = { driver: "nodeport", ports, restSeconds: 0, allowedNamespaces: { names: [berth.namespace] } };
  await applyByHand(berth.kube, "AddressPool", { name: "nodes" }, pool);
  await applyByHand(berth.kube, "Address", { name: "nodes-0" }, { pool: "nodes", address: NODE_ADDRESS, nodeport: {} });
  await untilReady(berth.kube, "addresses/nodes-0");
  const exposure = await expose("by-node", { service: "two", pool: "nodes", protocols: BOTH });
  assert.ok(exposure.address === NODE_ADDRESS && exposure.port >= ports.from && exposure.port <= ports.to);
  const place = { host: NODE_ADDRESS, port: exposure.port };
  await using tcp = await node.forward(place);
  await untilAnswers(tcp.port, /^two-/);
  await using udp = await node.forward(place, { protocol: "udp" });
  assert.match(await askByUdp(udp.port, "hostname"), /^two-/);
  await berth.request("DELETE", `${exposuresPath(berth)}/by-node`);
  await eventually("the connection is refused", () => isRefused(tcp.port), 3_000);
});

test("a pool over two Gateways fills both, and then says that it is full", { skip }, async () => {
  const { berth, gateway, node } = shared;
  const path = `/v1/clusters/local/namespaces/${gateway.namespace}/releases`;
  const values = { service: { type: "ClusterIP" }, envoy: { image: gatewayImages.envoy } };
  const chart = { path: join(repository, "examples/gateway") };
  const options = { wait: true, timeout: "120s" };
  for (const name of ["left", "right"]) {
    succeeded(await berth.request<OperationAnswer>("POST", path, { name, chart, values, options }));
  }
  await makePool("pair", 21_000, 21_099, ["left", "right"], 2);
  const made: ExposureAnswer[] = [];
  for (const name of ["p1", "p2", "p3", "p4"]) made.push(await expose(name, { service: "one", pool: "pair" }));
  const slots = made.map(({ slot }) => slot).sort();
  assert.deepEqual(slots, ["pair-left", "pair-left", "pair-right", "pair-right"]);
  const full = { name: "p5", service: "one", service_port: 7000, pool: "pair" };
  const refused = await berth.request<{ code?: string; reason?: string }>("POST", exposuresPath(berth), full);
  assert.match(JSON.stringify(refused.body), /POOL_EXHAUSTED/);
  for (const { address, port } of made) {
    await using door = await node.forward({ host: address, port });
    await untilAnswers(door.port, /^one-/);
  }
  for (const name of ["p1", "p2", "p3", "p4", "p5"]) await berth.request("DELETE", `${exposuresPath(berth)}/${name}`);
});

test(
  `a connection that is open while ${String(MANY)} others are exposed stays open`,
  { skip, timeout: 280_000 },
  async (t) => {
    const { berth } = shared;
    const kept = await expose("kept", { service: "one" });
    await using tcp = await shared.forward(kept.port);
    await untilAnswers(tcp.port, /^one-/);
    const socket = connect(tcp.port, "127.0.0.1");
    const failure = new Promise<never>((_resolve, reject) => {
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("The connection was closed.")));
    });
    failure.catch(() => undefined);
    assert.match(await askOn(socket), /^one-/);
    const names = Array.from({ length: MANY }, (_, index) => `many-${String(index)}`);
    const started = Date.now();
    let last: ExposureAnswer | undefined;
    const caller = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop())
        last = await expose(name, { service: "two" });
    };
    await Promise.race([Promise.all(Array.from({ length: CALLERS }, caller)), failure]);
    t.diagnostic(`${String(MANY)} exposures ready in ${String(Date.now() - started)} ms`);
    assert.match(await Promise.race([askOn(socket), failure]), /^one-/);
    await using other = await shared.forward(last?.port ?? 0);
    await untilAnswers(other.port, /^two-/);
    socket.removeAllListeners("close");
    socket.destroy();
    const query = `?pool=${POOL}&service=two&page_size=1`;
    const { body } = await berth.request<{ total_size: number }>("GET", exposuresPath(berth) + query);
    assert.equal(body.total_size, MANY);
  },
);
