import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { releaseService } from "@berth/contract";
import { repository } from "@berth/devcluster";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";

let berth: TestBerth;
before(async () => {
  berth = await startTestBerth();
});
after(() => berth[Symbol.asyncDispose]());

async function scrape(): Promise<string> {
  const answer = await fetch(`${berth.url}/metrics`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  return answer.text();
}

/** The value of one series, its labels as they are written. */
function valueOf(text: string, series: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? NaN : Number(line.split(" ").at(-1));
}

test("every metric is documented, with its type and its labels, and every documented one is served", async () => {
  const page = await readFile(join(repository, "docs/operate.md"), "utf8");
  const rows = [...page.matchAll(/^\| `(berth_\w+)` \| (\w+) \| ([^|]*)\|/gm)];
  const documented = rows.map(([, name = "", type = "", labels = ""]) => [
    name,
    type,
    [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label).sort(),
  ]);
  await berth.request("POST", berth.releases, { name: "doc", chart: { path: await berth.charts.write("doc", {}) } });
  const text = await scrape();
  const served = [...text.matchAll(/^# TYPE (berth_\w+) (\w+)$/gm)].map(([, name = "", type = ""]) => {
    const series = text.split("\n").filter((line) => line.startsWith(name) && line.includes("{"));
    const labels = series.flatMap((line) => [...line.matchAll(/[{,](\w+)="/g)].map(([, label]) => label));
    return [name, type, [...new Set(labels)].filter((label) => label !== "le").sort()] as const;
  });
  const names = (all: readonly (readonly unknown[])[]) => all.map(([name, type]) => `${String(name)} ${String(type)}`);
  assert.deepEqual(names(served).sort(), names(documented).sort());
  // A metric without a series, such as that of pools where there are none, shows no labels.
  for (const [name, , labels] of served) {
    if (labels.length === 0) continue;
    assert.deepEqual(labels, documented.find(([other]) => other === name)?.[2], name);
  }
  for (const [, name = ""] of text.matchAll(/^# TYPE (\S+)/gm)) assert.match(name, /^(berth|process|nodejs)_/);
});

test("operations, requests, the engine and the watches are counted, by patterns and never by names", async () => {
  const chart = { path: await berth.charts.write("counted", { "templates/config.yaml": CONFIG_MAP }) };
  await berth.request("POST", berth.releases, { name: "very-telling", chart, values: { value: "hidden-value" } });
  await berth.request("GET", `${berth.releases}/very-telling`);
  await berth.request("GET", `${berth.releases}/none-of-it`);
  await fetch(`${berth.url}/v1/odd-path-one`);
  await fetch(`${berth.url}/odd-path-two`);
  const transport = createGrpcTransport({ baseUrl: berth.url });
  const client = createClient(releaseService.ReleaseService, transport);
  await client.getRelease({ cluster: "local", namespace: berth.namespace, name: "none-of-it" }).catch(() => undefined);
  const text = await scrape();
  const route = "/v1/clusters/{cluster}/namespaces/{namespace}/releases/{name}";
  assert.equal(valueOf(text, `berth_requests_total{protocol="rest",route="${route}",status="200"}`), 1);
  assert.equal(valueOf(text, `berth_requests_total{protocol="rest",route="${route}",status="404"}`), 1);
  assert.equal(valueOf(text, `berth_requests_total{protocol="rest",route="none",status="404"}`), 1);
  assert.equal(valueOf(text, `berth_requests_total{protocol="none",route="none",status="404"}`), 1);
  const rpc = "/berth.v1.ReleaseService/GetRelease";
  assert.equal(valueOf(text, `berth_requests_total{protocol="grpc",route="${rpc}",status="not_found"}`), 1);
  assert.ok(valueOf(text, `berth_operations_total{verb="install",state="succeeded"}`) >= 1);
  assert.ok(valueOf(text, `berth_operation_duration_seconds_count{verb="install",state="succeeded"}`) >= 1);
  assert.equal(valueOf(text, `berth_operations_open{state="running"}`), 0);
  assert.equal(valueOf(text, `berth_engine_state{state="ready"}`), 1);
  assert.equal(valueOf(text, `berth_watch_state{cluster="local",watch="release-secrets",state="synced"}`), 1);
  assert.ok(valueOf(text, `berth_watch_objects{cluster="local",watch="release-secrets"}`) >= 1);
  assert.ok(valueOf(text, `berth_watch_silent_seconds{cluster="local",watch="release-secrets"}`) < 150);
  assert.ok(valueOf(text, `berth_releases{cluster="local"}`) >= 1);
  for (const secret of ["very-telling", "none-of-it", "hidden-value", "odd-path", berth.namespace]) {
    assert.ok(!text.includes(secret), secret);
  }
});
