import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { operationService, toAnswer } from "@berth/contract";
import { followOperation, connect } from "@berth/sdk";
import type { OperationEvent } from "@berth/sdk";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { reflect } from "@bufbuild/protobuf/reflect";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT, hookJob } from "./support/charts.ts";
import { readEvents, sendForEvents } from "./support/events.ts";

let berth: TestBerth;
/** An operation that has ended, with many kinds of events. */
let id: string;

before(async () => {
  berth = await startTestBerth();
  const path = await berth.charts.write("steps", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/app.yaml": DEPLOYMENT,
    "templates/hook.yaml": hookJob("before", "pre-install", false),
  });
  const body = { name: "followed", chart: { path }, options: { wait: true } };
  const ended = await berth.request<{ id: string; state: string }>("POST", berth.releases, body);
  assert.equal(ended.body.state, "OPERATION_STATE_SUCCEEDED");
  ({ id } = ended.body);
});
after(() => berth[Symbol.asyncDispose]());

const options = () => ({ baseUrl: berth.url });
const TRANSPORTS: Readonly<Record<string, () => Transport>> = {
  gRPC: () => createGrpcTransport(options()),
  "gRPC-Web": () => createGrpcWebTransport({ ...options(), httpVersion: "1.1" }),
  Connect: () => createConnectTransport({ ...options(), httpVersion: "1.1" }),
};

/** A line for each event: its number, its name, its data. */
async function byEvents(url: string, headers: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const lines: string[] = [];
  for await (const { id: n, event, data } of readEvents(url, headers)) lines.push(toLine(n, event, data));
  return lines;
}

async function byRpc(transport: Transport, of: string, last: number): Promise<string[]> {
  const output = operationService.WatchOperationResponseSchema;
  const lines: string[] = [];
  for await (const news of createClient(operationService.OperationService, transport).watchOperation({
    ...{ id: of, after: last },
  })) {
    const told = reflect(output, news);
    const field = told.oneofCase(told.desc.oneofs[0] as never);
    assert.ok(field?.fieldKind === "message");
    lines.push(
      toLine(news.n === 0 ? "" : String(news.n), field.name, toAnswer(field.message, told.get(field).message)),
    );
  }
  return lines;
}

const toLine = (n: string, event: string, data: unknown) => `${n} ${event} ${JSON.stringify(data)}`;

for (const [name, open] of Object.entries(TRANSPORTS)) {
  test(`${name} tells of an operation what server-sent events tell, and goes on after a number as they do`, async () => {
    const url = `${berth.url}/v1/operations/${id}/events`;
    const told = await byEvents(url);
    for (const kind of ["phase", "applied", "status", "hook"]) {
      assert.ok(
        told.some((line) => line.split(" ")[1] === kind),
        kind,
      );
    }
    assert.deepEqual(await byRpc(open(), id, 0), told);
    const rest = await byEvents(url, { "last-event-id": "3" });
    assert.ok(rest.length < told.length);
    assert.deepEqual(await byEvents(`${url}?after=3`), rest);
    assert.deepEqual(await byRpc(open(), id, 3), rest);
    const unknown = await byRpc(open(), "op-none", 0).catch((error: unknown) => ConnectError.from(error));
    assert.ok(unknown instanceof ConnectError);
    assert.deepEqual([unknown.code, unknown.metadata.get("berth-code")], [Code.NotFound, "OPERATION_NOT_FOUND"]);
  });
}

test("the SDK follows by gRPC as by server-sent events", async () => {
  const follow = async (protocol: "connect" | "grpc") => {
    const events: OperationEvent[] = [];
    for await (const event of followOperation(connect({ url: berth.url, protocol }), id, { after: 1 })) {
      events.push(event);
    }
    return events;
  };
  assert.deepEqual(await follow("grpc"), await follow("connect"));
});

test("events that are not kept any more are a gap", async () => {
  // Nothing that happens to a hook overtakes what happened before.
  const many = `{{- range $i := until 110 }}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: "{{ $.Release.Name }}-{{ $i }}", annotations: { helm.sh/hook: pre-install } }
{{- end }}
`;
  const path = await berth.charts.write("many", { "templates/many.yaml": many });
  const { body } = await berth.request<{ id: string }>("POST", berth.releases, { name: "many", chart: { path } });
  const told = await byEvents(`${berth.url}/v1/operations/${body.id}/events`);
  assert.match(told[0] ?? "", /^ gap \{"from":1,"to":\d+\}$/);
  assert.deepEqual(await byRpc(createGrpcTransport(options()), body.id, 0), told);
});

test("a HEAD of a stream ends", async () => {
  const answer = await fetch(`${berth.url}/v1/operations/${id}/events`, { method: "HEAD" });
  assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "text/event-stream"]);
});

test("streams end as soon as Berth is told to stop, and say whether to come back", async () => {
  await using own = await startTestBerth();
  const path = await own.charts.write("stays", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/app.yaml": DEPLOYMENT,
  });
  const body = { name: "stays", chart: { path }, values: { nowhere: true }, options: { wait: true, timeout: "60s" } };
  const events = sendForEvents(own.url + own.releases, "POST", body);
  const first = await events.next();
  assert.ok(first.done !== true && first.value.event === "operation");
  const running = String(first.value.data["id"]);
  const last = (async () => {
    let seen = "";
    for await (const { event } of events) seen = event;
    return seen;
  })();
  const client = createClient(operationService.OperationService, createGrpcTransport({ baseUrl: own.url }));
  const followed = (async () => {
    for await (const { news } of client.watchOperation({ id: running })) assert.notEqual(news.case, undefined);
  })();
  const ended = followed.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
  await new Promise((resolve) => setTimeout(resolve, 500));
  const begun = Date.now();
  await own.close(20_000);
  assert.ok(Date.now() - begun < 5_000, "nobody is waited for who only reads");
  assert.notEqual(await last, "error");
  const error = await ended;
  assert.deepEqual([error?.code, error?.metadata.get("berth-code")], [Code.Unavailable, "UNAVAILABLE"]);
});
