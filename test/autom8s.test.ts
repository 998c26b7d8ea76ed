import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { makeChartDirectory, CONFIG_MAP, DEPLOYMENT, SERVICE } from "./support/charts.ts";
import type { ChartDirectory } from "./support/charts.ts";
import { helm } from "./support/helm.ts";

/** Autom8s' answers. */
interface Reply {
  readonly status: string;
  readonly serviceName?: string | null;
  readonly releaseName?: string;
  readonly reason?: string;
}

let repository: Server;
let repositoryUrl: string;
let repositoryFiles: ChartDirectory;
let berth: TestBerth;

const VALUES = `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-values
data:
  rabbitmq: {{ toJson .Values.rabbitmq | quote }}
`;

before(async () => {
  repositoryFiles = await makeChartDirectory();
  const kubeconfig = process.env.BERTH_TEST_CLUSTER ?? "";
  const files = { "templates/config.yaml": CONFIG_MAP, "templates/values.yaml": VALUES };
  const charts = {
    "nginx-ingress": { ...files, "templates/service.yaml": SERVICE },
    rabbitmq: { ...files, "templates/service.yaml": SERVICE },
    sampleapp: files,
  };
  for (const [name, content] of Object.entries(charts)) {
    const chart = await repositoryFiles.write(name, content);
    await helm(kubeconfig, "package", chart, "-d", repositoryFiles.path);
  }
  await helm(kubeconfig, "repo", "index", repositoryFiles.path);
  repository = createServer((request, response) => {
    const needsUser = request.url?.startsWith("/private/") === true;
    const file = (request.url ?? "").replace("/private", "").slice(1);
    const expected = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;
    if (needsUser && request.headers.authorization !== expected) {
      response.writeHead(401).end();
      return;
    }
    readFile(`${repositoryFiles.path}/${file}`).then(
      (content) => response.end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => repository.listen(0, "127.0.0.1", resolve));
  repositoryUrl = `http://127.0.0.1:${String((repository.address() as AddressInfo).port)}`;
  berth = await startTestBerth({ config: { repositories: { stable: { url: repositoryUrl } } } });
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  repository.close();
  await repositoryFiles[Symbol.asyncDispose]();
});

async function form(path: string, fields: string): Promise<{ status: number; body: Reply }> {
  const response = await fetch(berth.url + path, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: fields,
  });
  return { status: response.status, body: (await response.json()) as Reply };
}

test("example 1: a chart of a named repository", async () => {
  const { status, body } = await berth.request<Reply>("POST", "/install", {
    chartName: "stable/nginx-ingress",
    releaseName: "mynginx1",
  });
  assert.deepEqual([status, body], [200, { status: "success", serviceName: "mynginx1-svc", releaseName: "mynginx1" }]);
  assert.notEqual(await berth.object("api/v1/namespaces/{ns}/services/mynginx1-svc"), undefined);
});

test("example 2: a private repository whose URL ends in index.yaml, and a release name with capitals", async () => {
  const { status, body } = await berth.request<Reply>("POST", "/install", {
    chartName: "sampleApp",
    releaseName: "sampleApp1",
    privateChartsRepo: `${repositoryUrl}/index.yaml`,
  });
  assert.deepEqual([status, body], [200, { status: "success", serviceName: null, releaseName: "sampleapp1" }]);
});

test("credentials may stand in the private repository's URL, and a folder before the chart's name", async () => {
  const url = new URL(`${repositoryUrl}/private/index.yaml`);
  url.username = "user";
  const wrong = await berth.request<Reply>("POST", "/install", {
    chartName: "any/sampleapp",
    releaseName: "private0",
    privateChartsRepo: url.href,
  });
  assert.equal(wrong.body.status, "failed");
  url.password = "p@ss";
  const right = await berth.request<Reply>("POST", "/install", {
    chartName: "any/sampleapp",
    releaseName: "private1",
    privateChartsRepo: url.href,
  });
  assert.equal(right.body.status, "success", right.body.reason);
  assert.doesNotMatch(JSON.stringify([wrong.body, right.body]), /p@ss|p%40ss/);
});

test("example 3: values as --set, and no release name: each call is a new release", async () => {
  const request = {
    chartName: "stable/rabbitmq",
    values: {
      "rabbitmq.username": "admin",
      "rabbitmq.password": "secretpassword",
      "rabbitmq.erlangCookie": "secretcookie",
    },
  };
  const answers = await Promise.all([1, 2, 3].map(() => berth.request<Reply>("POST", "/install", request)));
  const names = answers.map(({ body }) => body.releaseName ?? "");
  assert.equal(new Set(names).size, 3);
  for (const name of names) {
    assert.match(name, /^rabbitmq-\d+$/);
    const values = await berth.helmJson<{ rabbitmq: { username: string } }>("get", "values", name);
    assert.deepEqual(values.rabbitmq, { username: "admin", password: "secretpassword", erlangCookie: "secretcookie" });
  }
});

test("a call that is sent again with its Idempotency-Key is the same call", async () => {
  const request = { chartName: "stable/rabbitmq", values: { "rabbitmq.username": "admin" } };
  const send = () => berth.request<Reply>("POST", "/install", request, { "idempotency-key": "autom8s-once" });
  const [first, second] = [await send(), await send()];
  assert.equal(first.body.status, "success", first.body.reason);
  assert.deepEqual(second.body, first.body);
});

test("upgrade keeps values where asked, and delete removes the release and its history", async () => {
  await berth.request("POST", "/install", {
    chartName: "stable/rabbitmq",
    releaseName: "turn",
    values: { "rabbitmq.a": 1 },
  });
  const upgraded = await berth.request<Reply>("POST", "/upgrade", {
    chartName: "stable/rabbitmq",
    releaseName: "turn",
    reuseValue: "true",
    values: { "rabbitmq.b": 2 },
  });
  assert.equal(upgraded.body.status, "success", upgraded.body.reason);
  assert.deepEqual(await berth.helmJson("get", "values", "turn"), { rabbitmq: { a: 1, b: 2 } });
  const deleted = await berth.request<Reply>("POST", "/delete", { releaseName: "Turn" });
  assert.deepEqual([deleted.status, deleted.body], [200, { status: "success", releaseName: "turn" }]);
  assert.deepEqual(await berth.helmJson("list", "--filter", "^turn$"), []);
});

test("bodies may be forms, with values in brackets", async () => {
  const { status, body } = await form(
    "/install",
    "chartName=stable/rabbitmq&releaseName=formed&values[rabbitmq.a]=1&wait=true&timeout=60&set=rabbitmq.c=3",
  );
  assert.deepEqual([status, body.releaseName], [200, "formed"], body.reason);
  assert.deepEqual(await berth.helmJson("get", "values", "formed"), { rabbitmq: { a: 1, c: 3 } });
});

test("nothing reaches a shell", async () => {
  const file = `/tmp/berth-touched-${String(process.pid)}`;
  for (const releaseName of [`a; touch ${file}`, `$(touch ${file})`, `a\`touch ${file}\``]) {
    const { status, body } = await berth.request<Reply>("POST", "/install", {
      chartName: "stable/rabbitmq",
      releaseName,
    });
    assert.equal(status, 500);
    assert.equal(body.status, "failed");
    assert.match(body.reason ?? "", /releaseName/);
  }
  await berth.request("POST", "/install", { chartName: `x; touch ${file}`, releaseName: "shell" });
  assert.equal(existsSync(file), false);
});

test("what is wrong is said in Autom8s' own shape", async () => {
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ["/install", {}, /chartName/],
    ["/install", { chartName: "stable/none", releaseName: "x" }, /no chart "none"/],
    ["/install", { chartName: "unknown/x", releaseName: "x" }, /unknown/],
    ["/install", { chartName: "stable/rabbitmq", releaseName: "x", nonsense: 1 }, /nonsense/],
    ["/install", "{", /JSON/],
    ["/upgrade", { chartName: "stable/rabbitmq", releaseName: "missing" }, /missing/],
    ["/delete", { releaseName: "missing" }, /missing/],
    ["/delete", {}, /releaseName/],
  ];
  for (const [path, body, reason] of cases) {
    const answer = await berth.request<Reply>("POST", path, body);
    assert.equal(answer.status, 500, path);
    assert.equal(answer.body.status, "failed");
    assert.match(answer.body.reason ?? "", reason);
  }
});

test("atomic removes an install that failed, and rolls an upgrade back", async () => {
  const waits = await berth.charts.write("atomic", { "templates/app.yaml": DEPLOYMENT });
  const stuck = { chartName: waits, values: { nowhere: "true" }, atomic: true, timeout: "2" };
  const gone = await berth.request<Reply>("POST", "/install", { ...stuck, releaseName: "atomic-a" });
  assert.deepEqual([gone.status, gone.body.status], [500, "failed"]);
  const good = await berth.request<Reply>("POST", "/install", { chartName: waits, releaseName: "atomic-b" });
  assert.equal(good.status, 200);
  const back = await berth.request<Reply>("POST", "/upgrade", { ...stuck, releaseName: "atomic-b" });
  assert.equal(back.status, 500);
  const releases = await berth.helmJson<{ name: string; status: string; revision: string }[]>("list");
  const left = releases.filter(({ name }) => name.startsWith("atomic-"));
  assert.deepEqual(
    left.map(({ name, status, revision }) => `${name} ${status} ${revision}`),
    ["atomic-b deployed 3"],
  );
});
