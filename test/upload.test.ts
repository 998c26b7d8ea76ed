import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { Answer, TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";

let berth: TestBerth;
let archive: Buffer;

before(async () => {
  berth = await startTestBerth();
  archive = await pack("uploaded", {});
});
after(() => berth[Symbol.asyncDispose]());

async function pack(name: string, extra: Record<string, string>): Promise<Buffer> {
  const chart = await berth.charts.write(name, { "templates/config.yaml": CONFIG_MAP, ...extra });
  await berth.helm("package", chart, "-d", berth.charts.path);
  return readFile(join(berth.charts.path, `${name}-1.0.0.tgz`));
}

async function send<T = OperationAnswer>(
  body: Buffer | FormData,
  query = "",
  type?: string,
  method = "POST",
): Promise<Answer<T>> {
  const headers = { prefer: "wait=60", ...(type === undefined ? {} : { "content-type": type }) };
  const content = body instanceof FormData ? body : new Uint8Array(body);
  const response = await fetch(`${berth.url}${berth.releases}${query}`, { method, headers, body: content });
  return { status: response.status, headers: response.headers, body: (await response.json()) as T };
}

function form(fields: Record<string, string | Buffer>): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "string") made.append(name, value);
    else made.append(name, new Blob([new Uint8Array(value)]), "chart.tgz");
  }
  return made;
}

async function valueOf(name: string): Promise<string | undefined> {
  const map = await berth.object<{ data: { value: string } }>(`api/v1/namespaces/{ns}/configmaps/${name}-config`);
  return map?.data.value;
}

test("an archive is installed as base64 in JSON, as a body of its own and as a file of a form", async () => {
  const chart = { archive: archive.toString("base64") };
  succeeded(
    await berth.request<OperationAnswer>("POST", berth.releases, { name: "in-json", chart, values: { value: "json" } }),
  );
  assert.equal(await valueOf("in-json"), "json");

  for (const type of ["application/gzip", "application/vnd.cncf.helm.chart.content.v1.tar+gzip"]) {
    const name = `raw-${String(type.length)}`;
    succeeded(await send(archive, `?name=${name}&set=value=raw&options.timeout=60s`, type));
    assert.equal(await valueOf(name), "raw");
  }

  succeeded(await send(form({ chart: archive, name: "by-form", values_yaml: "value: form" })));
  assert.equal(await valueOf("by-form"), "form");
  const request = JSON.stringify({ name: "by-request", values: { value: "request" }, labels: { team: "a" } });
  succeeded(await send(form({ chart: archive, request })));
  assert.equal(await valueOf("by-request"), "request");

  succeeded(await send(form({ chart: archive, set: "value=upgraded" }), "/by-form", undefined, "PUT"));
  assert.equal(await valueOf("by-form"), "upgraded");
  const { body } = await berth.request<{ provenance: Record<string, string> }>("GET", `${berth.releases}/by-form`);
  assert.equal(body.provenance["chart-source"], "upload");
});

interface Problem {
  readonly code: string;
  readonly field: string;
  readonly detail: string;
  readonly hint: string;
}

test("an upload that is too large is refused with the numbers and the way out", async () => {
  const large = await pack("large", { "files/noise": randomBytes(600_000).toString("base64") });
  assert.ok(large.length < 700 * 1024);
  succeeded(await send(large, "?name=fits", "application/gzip"));
  const values = `value: ${"x".repeat(300_000)}`;
  const { status, body } = await send<Problem>(form({ chart: large, name: "too-large", values_yaml: values }));
  assert.deepEqual([status, body.code, body.field], [413, "BODY_TOO_LARGE", "chart.archive"]);
  assert.match(body.detail, new RegExp(`${String(large.length)} bytes.*${String(700 * 1024)}`));
  assert.match(body.hint, /OCI registry/);
  assert.equal(await valueOf("too-large"), undefined);
});

test("what is no chart, no form or no field is refused", async () => {
  for (const [code, answer] of [
    ["CHART_INVALID", send<Problem>(Buffer.from("not a gzip"), "?name=a", "application/gzip")],
    ["INVALID_ARGUMENT", send<Problem>(Buffer.alloc(0), "?name=a", "application/gzip")],
    ["UNKNOWN_FIELD", send<Problem>(archive, "?name=a&nonsense=1", "application/gzip")],
    ["UNKNOWN_FIELD", send<Problem>(form({ chart: archive, name: "a", nonsense: "1" }))],
    ["UNKNOWN_FIELD", send<Problem>(form({ chart: archive }), "?name=a")],
    ["MALFORMED_BODY", send<Problem>(form({ chart: archive, request: "{" }))],
    ["MALFORMED_BODY", send<Problem>(Buffer.from("--x\r\ncut off"), "", "multipart/form-data; boundary=x")],
    ["INVALID_ARGUMENT", send<Problem>(form({ name: "a" }))],
    ["UNSUPPORTED_MEDIA_TYPE", send<Problem>(archive, "?name=a", "image/png")],
  ] as const) {
    const { status, body } = await answer;
    assert.equal(body.code, code, JSON.stringify(body));
    assert.ok(status >= 400 && status < 500);
  }
  assert.equal(await valueOf("a"), undefined);
});
