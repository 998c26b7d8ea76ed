import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";

import { failed, refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { Answer, TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT, SERVICE } from "./support/charts.ts";
import type { ChartFiles } from "./support/charts.ts";

let berth: TestBerth;

before(async () => {
  berth = await startTestBerth();
});
after(() => berth[Symbol.asyncDispose]());

async function install(name: string, files: ChartFiles, extra: object = {}, metadata?: string) {
  const chart = await berth.charts.write(name, files, metadata);
  return berth.request<OperationAnswer>("POST", berth.releases, { name, chart: { path: chart }, ...extra });
}

const asProblem = (answer: Answer<OperationAnswer>) => answer as unknown as Answer;
const configMap = (name: string) =>
  berth.object<{ data: Record<string, string> }>(`api/v1/namespaces/{ns}/configmaps/${name}`);

async function nothingStored(name: string): Promise<void> {
  assert.equal(await configMap(`${name}-config`), undefined, "no object was made");
  assert.deepEqual(await berth.helmJson("list", "--filter", `^${name}$`), []);
}

test("a CRD and an object of it are installed together", async () => {
  const group = `t${randomBytes(4).toString("hex")}.example.com`;
  const crd = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: boats.${group} }
spec:
  group: ${group}
  scope: Namespaced
  names: { plural: boats, singular: boat, kind: Boat }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, properties: { spec: { type: object, properties: { length: { type: integer } } } } } }
`;
  const boat = `apiVersion: ${group}/v1\nkind: Boat\nmetadata: { name: {{ .Release.Name }} }\nspec: { length: 12 }\n`;
  succeeded(await install("crd", { "crds/boat.yaml": crd, "templates/boat.yaml": boat }));
  const made = await berth.object<{ spec: { length: number } }>(`apis/${group}/v1/namespaces/{ns}/boats/crd`);
  assert.equal(made?.spec.length, 12);
  await berth.kube.request({
    method: "DELETE",
    path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/boats.${group}`,
  });
});

test("conditions and tags choose subcharts", async () => {
  const sub = (name: string): ChartFiles => ({
    [`charts/${name}/Chart.yaml`]: `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`,
    [`charts/${name}/templates/config.yaml`]: `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .Release.Name }}-${name} }\n`,
  });
  const metadata = `version: 1.0.0
dependencies:
  - { name: one, version: 1.0.0, repository: "", condition: one.enabled }
  - { name: two, version: 1.0.0, repository: "", tags: [extra] }`;
  const files = { "templates/config.yaml": CONFIG_MAP, ...sub("one"), ...sub("two") };
  succeeded(await install("umbrella", files, { values: { one: { enabled: false }, tags: { extra: true } } }, metadata));
  assert.equal(await configMap("umbrella-one"), undefined);
  assert.notEqual(await configMap("umbrella-two"), undefined);
});

test("a library chart is used by others and refused alone", async () => {
  const library = {
    "charts/lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n",
    "charts/lib/templates/_names.tpl": '{{- define "lib.name" -}}{{ .Release.Name }}-from-lib{{- end -}}',
  };
  const config = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ include "lib.name" . }} }\n';
  const metadata = 'version: 1.0.0\ndependencies: [{ name: lib, version: 1.0.0, repository: "" }]';
  succeeded(await install("uses-lib", { ...library, "templates/config.yaml": config }, {}, metadata));
  assert.notEqual(await configMap("uses-lib-from-lib"), undefined);
  refused(asProblem(await install("alone", {}, {}, "version: 1.0.0\ntype: library")), 422, "CHART_INVALID");
});

test("lookup sees the cluster", async () => {
  const template = `apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }}-config }
data: { value: {{ (lookup "v1" "Namespace" "" .Release.Namespace).metadata.name | quote }} }
`;
  succeeded(await install("looks", { "templates/config.yaml": template }));
  assert.equal((await configMap("looks-config"))?.data.value, berth.namespace);
});

test("values that the chart's schema rejects are refused before anything is made", async () => {
  const schema = JSON.stringify({ type: "object", properties: { value: { type: "string", maxLength: 3 } } });
  const files = { "templates/config.yaml": CONFIG_MAP, "values.schema.json": schema };
  const answer = asProblem(await install("schema", files, { values: { value: "too long" } }));
  const problem = refused(answer, 422, "VALUES_SCHEMA", "values");
  assert.match(problem.detail ?? "", /value/);
  await nothingStored("schema");
});

test("required and broken templates are refused with what they say", async () => {
  const required = CONFIG_MAP.replace("kind: ConfigMap", 'kind: {{ required "kind is needed" .Values.kind }}');
  const first = refused(
    asProblem(await install("needs", { "templates/config.yaml": required })),
    422,
    "TEMPLATE_FAILED",
  );
  assert.match(first.detail ?? "", /kind is needed/);
  const broken = { "templates/config.yaml": CONFIG_MAP + "{{ .Values.a.b.c }}" };
  const second = refused(asProblem(await install("broken", broken)), 422, "TEMPLATE_FAILED");
  assert.match(second.detail ?? "", /broken\/templates\/config\.yaml/);
  await nothingStored("broken");
});

test("a chart for a newer Kubernetes is refused", async () => {
  const metadata = 'version: 1.0.0\nkubeVersion: ">=9.0.0"';
  const answer = asProblem(await install("newer", { "templates/config.yaml": CONFIG_MAP }, {}, metadata));
  refused(answer, 422, "KUBE_VERSION_UNSUPPORTED");
  await nothingStored("newer");
});

test("an object that never becomes ready ends the wait with its name and reason", async () => {
  const files = { "templates/app.yaml": DEPLOYMENT, "templates/svc.yaml": SERVICE };
  const extra = { values: { nowhere: true }, options: { wait: true, timeout: "3s" } };
  const error = failed(await install("never", files, extra), "WAIT_TIMEOUT");
  assert.equal(error.object?.name, "never-app");
  assert.match(error.reason ?? "", /node\(s\)|[Uu]nschedulable|selector/);
  const { body } = await berth.request<{ status: string }>("GET", `${berth.releases}/never`);
  assert.equal(body.status, "failed");
});

test("a manifest of 900 KB is installed", async () => {
  const big = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .Release.Name }}-config }\ndata: { value: "${"berth ".repeat(150_000)}" }\n`;
  succeeded(await install("big", { "templates/config.yaml": big }));
  assert.equal((await configMap("big-config"))?.data.value?.length, 900_000);
});

test("a release that Helm cannot store is refused with the numbers, before anything is made", async () => {
  const noise = randomBytes(900_000).toString("base64");
  const files = { "templates/config.yaml": CONFIG_MAP, "files/noise": noise, "crds/none.yaml": "" };
  const problem = refused(asProblem(await install("huge", files)), 422, "RELEASE_TOO_LARGE");
  const { details } = problem as { details?: { size?: string; limit?: string } };
  assert.ok(Number(details?.size) > 1_048_576);
  assert.equal(details?.limit, "1048576");
  await nothingStored("huge");
});

test("a removed API is named, with the one that replaced it", async () => {
  const ingress = "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: { name: {{ .Release.Name }} }\nspec: {}\n";
  const files = { "templates/config.yaml": CONFIG_MAP, "templates/ingress.yaml": ingress };
  const problem = refused(asProblem(await install("removed", files)), 422, "API_REMOVED");
  assert.equal(problem.object?.kind, "Ingress");
  assert.equal((problem as { details?: { replacement?: string } }).details?.replacement, "networking.k8s.io/v1");
  await nothingStored("removed");
});

test("an object of somebody else is not taken", async () => {
  succeeded(
    await install("owner", { "templates/config.yaml": CONFIG_MAP.replaceAll("{{ .Release.Name }}", "shared") }),
  );
  const files = { "templates/config.yaml": CONFIG_MAP.replaceAll("{{ .Release.Name }}", "shared") };
  const answer = asProblem(await install("thief", files));
  refused(answer, 409, "OBJECT_EXISTS");
});
