import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { after, before, test } from "node:test";

import { releaseService } from "@berth/contract";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, hookJob } from "./support/charts.ts";
import { sendForEvents } from "./support/events.ts";

let berth: TestBerth;
let chart: { path: string };

before(async () => {
  berth = await startTestBerth();
  chart = { path: await berth.charts.write("plain", { "templates/config.yaml": CONFIG_MAP }) };
});
after(() => berth[Symbol.asyncDispose]());

const transports: Readonly<Record<string, () => Transport>> = {
  "connect-http1": () => createConnectTransport({ baseUrl: berth.url, httpVersion: "1.1" }),
  "connect-h2c": () => createConnectTransport({ baseUrl: berth.url, httpVersion: "2" }),
  grpc: () => createGrpcTransport({ baseUrl: berth.url }),
  "grpc-web": () => createGrpcWebTransport({ baseUrl: berth.url, httpVersion: "1.1" }),
};

for (const [name, open] of Object.entries(transports)) {
  test(`${name} installs, reads, and says what is wrong as REST does`, async () => {
    const client = createClient(releaseService.ReleaseService, open());
    const target = { cluster: "local", namespace: berth.namespace, name };
    const headers = { prefer: "wait=60" };
    const operation = await client.installRelease({ ...target, chart, values: { value: "given" } }, { headers });
    assert.equal(operation.result?.release?.status, "deployed");
    const values = await client.getReleaseValues(target);
    assert.deepEqual(values.values, { value: "given" });
    const rest = await berth.request("GET", `${berth.releases}/${name}`);
    assert.equal(rest.body.operation_id, operation.id);

    const missing = await client.getRelease({ ...target, name: "none" }).catch((error: unknown) => error);
    assert.ok(missing instanceof ConnectError);
    assert.deepEqual([missing.code, missing.metadata.get("berth-code")], [Code.NotFound, "RELEASE_NOT_FOUND"]);
    const invalid = await client
      .installRelease({ ...target, name: "Bad_Name", chart })
      .catch((error: unknown) => error);
    assert.ok(invalid instanceof ConnectError);
    assert.deepEqual([invalid.code, invalid.metadata.get("berth-field")], [Code.InvalidArgument, "name"]);
  });
}

test("REST is served over HTTP/2 with prior knowledge, and request ids are kept", async () => {
  const session = connectHttp2(berth.url);
  const stream = session.request({ ":path": `${berth.releases}/none`, "x-request-id": "my-id-1" });
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  assert.equal(headers[":status"], 404);
  assert.equal(headers["x-request-id"], "my-id-1");
  stream.resume();
  session.close();
  const odd = await fetch(`${berth.url}/livez`, { headers: { "x-request-id": "not fit for a header; at all" } });
  assert.match(odd.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
});

test("health says what it is made of", async () => {
  for (const path of ["/livez", "/healthz"]) assert.equal((await berth.request("GET", path)).status, 200);
  const { body } = await berth.request<{ checks: { name: string; ok: boolean }[] }>("GET", "/readyz");
  assert.deepEqual(
    body.checks.map(({ name, ok }) => [name, ok]),
    [
      ["engine", true],
      ["release-index", true],
      ["operations", true],
      ["exposures", true],
    ],
  );
});

test("the port closes by its deadline with idle clients and open streams of each protocol", async () => {
  await using own = await startTestBerth();
  const { hostname, port } = new URL(own.url);
  const idle = connect(Number(port), hostname);
  await once(idle, "connect");
  const kept = connect(Number(port), hostname);
  kept.write("GET /livez HTTP/1.1\r\nhost: x\r\n\r\n");
  await once(kept, "data");
  const session = connectHttp2(own.url);
  session.on("error", () => undefined);
  await once(session, "connect");
  const slow = await own.charts.write("slow", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/hook.yaml": hookJob("slow", "pre-install", true),
  });
  const events = sendForEvents(own.url + own.releases, "POST", { name: "slow", chart: { path: slow } });
  const first = await events.next();
  assert.equal(first.done !== true && first.value.event, "operation");

  const started = Date.now();
  await own.close(1_000);
  assert.ok(Date.now() - started < 3_000, `closing took ${String(Date.now() - started)} ms`);
  await assert.rejects(fetch(`${own.url}/livez`));
  await events.return(undefined).catch(() => undefined);
  idle.destroy();
  kept.destroy();
  session.destroy();
});
