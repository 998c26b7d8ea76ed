import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";

import { whyNoRealNode } from "@berth/devcluster";

import { isRefused, untilAnswers } from "./support/echo.ts";
import { applyByHand, eventually, exposuresPath, makeService, stored, untilReady } from "./support/exposures.ts";
import type { ExposureAnswer } from "./support/exposures.ts";
import { startGatewayCluster } from "./support/gateway.ts";
import type { GatewayCluster } from "./support/gateway.ts";
import { exposeOn, installEchoes, installGateways, makeGatewayPool } from "./support/gateway-pool.ts";
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
  await installEchoes(shared, ["one", "two"]);
  await makeGatewayPool(shared, POOL, [shared.gateway.name], { from: 20_000, to: 20_999 });
});
after(async () => {
  if (skip === false) await shared[Symbol.asyncDispose]();
});

function expose(name: string, body: object): Promise<ExposureAnswer> {
  return exposeOn(shared, { name, pool: POOL, ...body });
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

test("a Gateway that is not there is said", { skip }, async () => {
  await makeGatewayPool(shared, "none", ["nobody"], { from: 1000, to: 1100, reason: "DRIVER_UNAVAILABLE" });
  const missing = await stored(shared.berth.kube, "addresses/none-nobody");
  assert.match(JSON.stringify(missing?.status), /no Gateway \\"nobody\\"/);
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
  const { berth, node } = shared;
  await installGateways(shared, ["left", "right"]);
  await makeGatewayPool(shared, "pair", ["left", "right"], { from: 21_000, to: 21_099, capacity: 2 });
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
