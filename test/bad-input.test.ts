import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";

import { refused } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";

let berth: TestBerth;
let chart: { path: string };

before(async () => {
  berth = await startTestBerth();
  chart = { path: await berth.charts.write("plain", { "templates/config.yaml": CONFIG_MAP }) };
});
after(async () => {
  try {
    // Whatever was sent before: the server is up, and nothing was half done.
    assert.equal((await berth.request("GET", "/readyz")).status, 200);
    assert.deepEqual(await berth.helmJson("list"), []);
  } finally {
    await berth[Symbol.asyncDispose]();
  }
});

const post = (body: unknown) => berth.request("POST", berth.releases, body);

const names = ["Capital", "a_b", "-a", "a-", "a..b", "a b", "ü", "a;touch x", "../x", "a".repeat(54), "a\u0000b"];
for (const name of names) {
  test(`the release name ${JSON.stringify(name)} is refused`, async () => {
    refused(await post({ name, chart }), 400, "INVALID_ARGUMENT", "name");
  });
}

test("no name and no wish for a generated one is refused", async () => {
  refused(await post({ chart }), 400, "INVALID_ARGUMENT", "name");
});

test("a bad namespace and an unknown cluster are refused", async () => {
  const bad = await berth.request("POST", "/v1/clusters/local/namespaces/Bad_One/releases", { name: "x", chart });
  refused(bad, 400, "INVALID_ARGUMENT", "namespace");
  const unknown = await berth.request("POST", `/v1/clusters/other/namespaces/default/releases`, { name: "x", chart });
  refused(unknown, 404, "CLUSTER_NOT_FOUND", "cluster");
});

test("a namespace that does not exist is named", async () => {
  const answer = await berth.request("POST", "/v1/clusters/local/namespaces/does-not-exist/releases", {
    name: "x",
    chart,
  });
  refused(answer, 404, "NAMESPACE_NOT_FOUND");
});

test("missing charts are refused with their field", async () => {
  refused(await post({ name: "x", chart: { path: "/does/not/exist" } }), 404, "CHART_NOT_FOUND", "chart.path");
  refused(await post({ name: "x", chart: { name: "nowhere/chart" } }), 404, "CHART_NOT_FOUND", "chart.name");
  refused(await post({ name: "x" }), 400, "INVALID_ARGUMENT", "chart");
  refused(await post({ name: "x", chart: {} }), 400, "INVALID_ARGUMENT", "chart");
  refused(await post({ name: "x", chart: { ...chart, name: "y" } }), 400, "INVALID_ARGUMENT", "chart");
});

test("unknown fields and wrong types are refused with their field", async () => {
  refused(await post({ name: "x", chart, foo: 1 }), 400, "UNKNOWN_FIELD", "foo");
  refused(await post({ name: "x", chart, options: { foo: 1 } }), 400, "UNKNOWN_FIELD", "options.foo");
  refused(await post({ name: 7, chart }), 400, "INVALID_ARGUMENT", "name");
  refused(await post({ name: "x", chart: "y" }), 400, "INVALID_ARGUMENT", "chart");
  refused(await post({ name: "x", chart, values: [] }), 400, "INVALID_ARGUMENT", "values");
  refused(await post({ name: "x", chart, options: { timeout: "soon" } }), 400, "INVALID_ARGUMENT", "options.timeout");
  refused(await berth.request("GET", `${berth.releases}?foo=1`), 400, "UNKNOWN_FIELD", "foo");
});

test("labels that Kubernetes would refuse, or that are Helm's own, are refused with their key", async () => {
  for (const labels of [
    { owner: "me" },
    { "berth.dev/operation": "x" },
    { "a b": "c" },
    { a: "b c" },
    { a: "x".repeat(64) },
  ]) {
    const field = `labels.${Object.keys(labels)[0] ?? ""}`;
    refused(await post({ name: "x", chart, labels }), 400, "INVALID_ARGUMENT", field);
  }
});

test("bodies that are no JSON object are refused", async () => {
  for (const body of ["{", "[]", '"x"', "null", "", '{"name":}']) {
    refused(await post(body), 400, "MALFORMED_BODY");
  }
});

test("values that are no YAML are refused with the field", async () => {
  const answer = await post({ name: "x", chart, values_yaml: "a: [1\nb: }" });
  refused(answer, 400, "VALUES_INVALID", "values_yaml");
  refused(await post({ name: "x", chart, values_yaml: "- a\n- b\n" }), 400, "VALUES_INVALID", "values_yaml");
  refused(await post({ name: "x", chart, set: ["a=1", "b[x]=2"] }), 400, "VALUES_INVALID", "set[1]");
});

test("10 MB of values are refused with the limit", async () => {
  const problem = refused(
    await post({ name: "x", chart, values: { a: "x".repeat(10_000_000) } }),
    413,
    "BODY_TOO_LARGE",
  );
  assert.match(problem.detail ?? "", /\d/);
});

test("a body cut off in the middle changes nothing", async () => {
  const { hostname, port } = new URL(berth.url);
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      const head = `POST ${berth.releases} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n`;
      socket.write(`${head}{"name":"cut","chart":{"path":`, () => socket.destroy());
    });
    socket.once("close", () => resolve());
    socket.once("error", reject);
  });
});

test("a wrong method says which are right", async () => {
  const answer = await berth.request("PATCH", `${berth.releases}/x`);
  refused(answer, 405, "METHOD_NOT_ALLOWED");
  assert.deepEqual(
    (answer.headers.get("allow") ?? "")
      .split(", ")
      .filter((m) => m !== "HEAD" && m !== "OPTIONS")
      .sort(),
    ["DELETE", "GET", "PUT"],
  );
  refused(await berth.request("GET", "/nowhere"), 404, "ROUTE_NOT_FOUND");
});

test("what does not exist is 404", async () => {
  refused(await berth.request("GET", `${berth.releases}/none`), 404, "RELEASE_NOT_FOUND");
  refused(await berth.request("GET", `${berth.releases}/none/history`), 404, "RELEASE_NOT_FOUND");
  refused(await berth.request("DELETE", `${berth.releases}/none`), 404, "RELEASE_NOT_FOUND");
  refused(await berth.request("PUT", `${berth.releases}/none`, { chart }), 404, "RELEASE_NOT_FOUND");
  refused(await berth.request("POST", `${berth.releases}/none:rollback`, {}), 404, "RELEASE_NOT_FOUND");
  refused(await berth.request("GET", "/v1/operations/none"), 404, "OPERATION_NOT_FOUND");
});

test("no answer shows a path of the machine or a stack", async () => {
  const broken = await berth.charts.write("odd", { "templates/x.yaml": "a: [" });
  const answer = await post({ name: "x", chart: { path: broken } });
  assert.equal(answer.status, 422);
  const text = JSON.stringify(answer.body).replaceAll(berth.releases, "");
  assert.doesNotMatch(text, /node_modules|\.ts:\d|\.go:\d|goroutine/);
});

test("what nobody serves is refused before its body is looked at, with the methods that are", async () => {
  for (const method of ["QUERY", "PATCH"]) {
    for (const [path, allow] of [
      ["/livez", "GET, HEAD"],
      ["/install", "POST"],
      ["/v1/operations", "HEAD, GET, OPTIONS"],
    ] as const) {
      const answer = await fetch(berth.url + path, { method });
      assert.deepEqual([answer.status, answer.headers.get("allow")], [405, allow], `${method} ${path}`);
      assert.equal(((await answer.json()) as { code: string }).code, "METHOD_NOT_ALLOWED");
    }
    const nowhere = await fetch(`${berth.url}/nowhere`, { method });
    assert.equal(((await nowhere.json()) as { code: string }).code, "ROUTE_NOT_FOUND");
  }
});
