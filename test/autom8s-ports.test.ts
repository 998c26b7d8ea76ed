import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { after, before, test } from "node:test";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { makeController } from "./support/controllers.ts";
import { eventually, makeService, stored } from "./support/exposures.ts";

/** Autom8s' answers. */
interface Reply {
  readonly public_ip?: string;
  readonly ip?: string;
  readonly port: number;
  readonly release?: string;
  readonly releaseName?: string;
  readonly status?: string;
  readonly reason?: string;
}

let berth: TestBerth;
let ingress: string;
/** Addresses of this run alone: the pool is one for the whole cluster. */
const network = `10.${String(randomInt(256))}.${String(randomInt(256))}`;
const [A, B] = [`${network}.10`, `${network}.11`] as const;

before(async () => {
  await using first = await startTestBerth();
  ingress = `${first.namespace}-lb`;
  await first.kube.request({
    method: "POST",
    path: "/api/v1/namespaces",
    body: { apiVersion: "v1", kind: "Namespace", metadata: { name: ingress } },
  });
  berth = first;
  for (const [release, ip] of [
    ["edge-a", A],
    ["edge-b", B],
  ] as const) {
    await makeController(berth, { namespace: ingress, release, name: `${ingress}-${release}`, ip });
  }
  berth = await startTestBerth({
    environment: { LoadBalancerNamespace: ingress, IngressLabel: "iot", PORT_MIN: "20000", PORT_MAX: "20049" },
  });
  await makeService(berth, "web");
  await eventually("both controllers carry ports", async () => {
    const found = await Promise.all(
      ["edge-a", "edge-b"].map((release) => stored(berth.kube, `addresses/${ingress}-${release}`)),
    );
    return found.every((one) => one?.status?.conditions?.[0]?.status === "True") ? true : undefined;
  });
});
after(async () => {
  await berth[Symbol.asyncDispose]();
});

async function call(method: string, path: string, body?: string, type = "application/x-www-form-urlencoded") {
  const init = { method, ...(body === undefined ? {} : { body, headers: { "content-type": type } }) };
  const answer = await fetch(berth.url + path, init);
  return { status: answer.status, body: (await answer.json()) as Reply };
}

test("getPort holds a port of a controller, and setrule takes it up", async () => {
  const { status, body } = await call("GET", `/getPort?lbip=${B}`);
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual([body.public_ip, body.release], [B, "edge-b"]);
  assert.ok(body.port >= 20_000 && body.port <= 20_049);
  const other = await call("GET", `/getport?lbip=${B}`);
  assert.notEqual(other.body.port, body.port, "it is held");
  const rule = JSON.stringify({
    serviceName: "web",
    servicePort: 80,
    loadBalancerIp: body.public_ip,
    loadBalancerPort: body.port,
    release: body.release,
  });
  const set = await call("POST", "/setrule", rule, "application/json");
  assert.deepEqual([set.status, set.body], [200, { status: "success", ip: B, port: body.port, releaseName: "edge-b" }]);
  const map = await berth.kube.request<{ data: Record<string, string> }>({
    path: `/api/v1/namespaces/${ingress}/configmaps/edge-b-tcp`,
  });
  assert.equal(map.data[String(body.port)], `${berth.namespace}/web:80`);
  const service = await berth.kube.request<{ spec: { ports: { port: number }[] } }>({
    path: `/api/v1/namespaces/${ingress}/services/${ingress}-edge-b`,
  });
  assert.ok(service.spec.ports.some(({ port }) => port === body.port));
});

test("a GET may have its fields in a body", async () => {
  const fields = `lbip=${A}`;
  const sent = request(`${berth.url}/getPort`, {
    method: "GET",
    headers: { "content-type": "application/x-www-form-urlencoded", "content-length": fields.length },
  });
  sent.end(fields);
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  const body = JSON.parse((await answer.toArray()).join("")) as Reply;
  assert.equal(body.public_ip, A, JSON.stringify(body));
});

test("the GET form of setrule chooses by itself, and a form is as good as JSON", async () => {
  const chosen = await call("GET", "/setrule?serviceName=web&servicePort=53");
  assert.deepEqual([chosen.status, chosen.body.status], [200, "success"], JSON.stringify(chosen.body));
  // Of whichever controller of the cluster.
  assert.ok(chosen.body.ip);
  const again = await call("POST", "/setrule", "serviceName=web&servicePort=53");
  assert.deepEqual(again.body, chosen.body);
});

test("what goes wrong is said as ever: 500 and a reason", async () => {
  for (const [path, reason] of [
    ["/getPort?lbip=192.0.2.99", /no address "192.0.2.99"/],
    ["/setrule?servicePort=80", /"serviceName" is missing/],
    ["/setrule?serviceName=nope&servicePort=80", /no service "nope"/],
    ["/setrule?serviceName=web&servicePort=80&loadBalancerPort=1", /Port 1 is not one of pool "autom8s"/],
  ] as const) {
    const { status, body } = await call("GET", path);
    assert.deepEqual([status, body.status], [500, "failed"]);
    assert.match(body.reason ?? "", reason);
  }
});
