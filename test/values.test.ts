import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";

let berth: TestBerth;
let chart: string;

before(async () => {
  berth = await startTestBerth();
  chart = await berth.charts.write("golden", {
    "values.yaml": "default: kept\nremoved: me\n",
    "templates/config.yaml":
      "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .Release.Name }} }\ndata:\n  values: {{ toJson .Values | quote }}\n  text: {{ .Values.number | default 0 | quote }}\n",
  });
});
after(() => berth[Symbol.asyncDispose]());

const data = async (name: string) =>
  (await berth.object<{ data: Record<string, string> }>(`api/v1/namespaces/{ns}/configmaps/${name}`))?.data;

/** The same values through the command line and through Berth, as text. */
const texts = {
  "a-million": "number: 1000000\n",
  "huge-exponent": "number: 1e21\n",
  "beyond-doubles": "number: 9007199254740993\n",
  "null-deletes": "removed: null\n",
  "leading-zeros": 'number: "007"\n',
  "bare-zeros": "number: 007\n",
  float: "number: 0.1\n",
  anchors: "a: &a { x: 1 }\nb: *a\n",
};

for (const [name, text] of Object.entries(texts)) {
  test(`values_yaml means what helm -f means: ${name}`, async () => {
    const file = `${berth.charts.path}/${name}.yaml`;
    await writeFile(file, text);
    await berth.helm("install", `cli-${name}`, chart, "-f", file);
    succeeded(
      await berth.request<OperationAnswer>("POST", berth.releases, {
        name: `api-${name}`,
        chart: { path: chart },
        values_yaml: text,
      }),
    );
    assert.deepEqual(await data(`api-${name}`), await data(`cli-${name}`));
  });
}

const jsons = { million: "1000000", exponent: "1e21", nothing: "null", zeros: '"007"', safe: "9007199254740991" };

for (const [name, number] of Object.entries(jsons)) {
  test(`values as JSON mean what helm -f of the same JSON means: ${name}`, async () => {
    const file = `${berth.charts.path}/${name}.json`;
    await writeFile(file, `{"number":${number}}`);
    await berth.helm("install", `cli-json-${name}`, chart, "-f", file);
    const body = `{"name":"api-json-${name}","chart":{"path":${JSON.stringify(chart)}},"values":{"number":${number}}}`;
    succeeded(await berth.request<OperationAnswer>("POST", berth.releases, body));
    assert.deepEqual(await data(`api-json-${name}`), await data(`cli-json-${name}`));
  });
}

test("an integer that JSON numbers cannot carry is refused, not rounded", async () => {
  const body = `{"name":"rounded","chart":{"path":${JSON.stringify(chart)}},"values":{"a":{"number":9007199254740993}}}`;
  const answer = await berth.request("POST", berth.releases, body);
  assert.equal(answer.status, 400);
  assert.equal(answer.body.field, "values.a.number");
  assert.match(String(answer.body.hint), /values_yaml/);
});

test("set, set_string, set_json, set_literal and set_file mean what the flags mean", async () => {
  const file = `${berth.charts.path}/content.txt`;
  await writeFile(file, "line one\nline two, with a comma\n");
  const flags = [
    ["--set", "a.b=1,list={x,y}"],
    ["--set-string", "c=007"],
    ["--set-json", 'd={"e":[1,null]}'],
    ["--set-literal", "f=a,b=c"],
    ["--set-file", `g=${file}`],
  ].flat();
  await berth.helm("install", "cli-set", chart, ...flags);
  succeeded(
    await berth.request<OperationAnswer>("POST", berth.releases, {
      name: "api-set",
      chart: { path: chart },
      set: ["a.b=1,list={x,y}"],
      set_string: ["c=007"],
      set_json: ['d={"e":[1,null]}'],
      set_literal: ["f=a,b=c"],
      set_file: { g: "line one\nline two, with a comma\n" },
    }),
  );
  assert.deepEqual(await data("api-set"), await data("cli-set"));
});

test("reuse, reset and reset-then-reuse mean what the flags mean", async () => {
  for (const [flag, reuse] of [
    ["--reuse-values", "VALUES_REUSE_REUSE"],
    ["--reset-values", "VALUES_REUSE_RESET"],
    ["--reset-then-reuse-values", "VALUES_REUSE_RESET_THEN_REUSE"],
  ] as const) {
    const name = flag.slice(2);
    for (const prefix of ["cli", "api"]) await berth.helm("install", `${prefix}-${name}`, chart, "--set", "first=1");
    await berth.helm("upgrade", `cli-${name}`, chart, flag, "--set", "second=2");
    succeeded(
      await berth.request<OperationAnswer>("PUT", `${berth.releases}/api-${name}`, {
        chart: { path: chart },
        set: ["second=2"],
        values_reuse: reuse,
      }),
    );
    assert.deepEqual(await data(`api-${name}`), await data(`cli-${name}`));
  }
});

test("several documents are merged in order, and null takes a default away", async () => {
  const chart = await berth.charts.write("layers", {
    "values.yaml": "a: default\nb: default\nc: default\nd: { keep: 1, drop: 2 }\n",
    "templates/config.yaml":
      "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .Release.Name }} }\ndata: { values: {{ toJson .Values | quote }} }\n",
  });
  const body = {
    ...{
      name: "layers",
      chart: { path: chart },
      values: { a: "object", b: "object" },
      values_yaml: "b: text\nc: text\n",
    },
    values_documents: ["c: first\nd: { drop: null }\n", "c: second\na: null\n"],
  };
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, body));
  const map = await berth.object<{ data: { values: string } }>("api/v1/namespaces/{ns}/configmaps/layers");
  assert.deepEqual(JSON.parse(map?.data.values ?? ""), { b: "text", c: "second", d: { keep: 1 } });
});

test("values are compared with another chart's defaults and carried over", async () => {
  const old = await berth.charts.write("moving", { "values.yaml": "port: 80\nname: a\n" });
  const body = { name: "moving", chart: { path: old }, values: { port: 81, name: "b", gone: true } };
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, body));
  const schema = '{"type":"object"}';
  const next = await berth.charts.write("moving", {
    "values.yaml": "# where it listens\nserver: { port: 80 }\nname: b\n",
    "values.schema.json": schema,
  });
  interface Compared {
    readonly findings: readonly { path: string; kind: string; moved_to: string }[];
    readonly carried_yaml: string;
    readonly defaults_yaml: string;
    readonly schema_json: string;
  }
  const { status, body: compared } = await berth.request<Compared>("POST", `${berth.releases}/moving:compareValues`, {
    chart: { path: next },
  });
  assert.equal(status, 200);
  assert.deepEqual(
    compared.findings.map(({ path, kind, moved_to }) => [path, kind, moved_to]),
    [
      ["gone", "VALUE_FINDING_KIND_REMOVED", ""],
      ["name", "VALUE_FINDING_KIND_SAME_AS_DEFAULT", ""],
      ["port", "VALUE_FINDING_KIND_MOVED", "server.port"],
    ],
  );
  assert.equal(compared.carried_yaml, "gone: true\nname: b\nserver:\n  port: 81\n");
  assert.match(compared.defaults_yaml, /# where it listens/);
  assert.equal(compared.schema_json, schema);
});
