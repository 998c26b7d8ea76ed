import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { parse } from "yaml";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT, SERVICE, hookJob } from "./support/charts.ts";
import { of, planAt } from "./support/plans.ts";

let berth: TestBerth;

before(async () => {
  berth = await startTestBerth();
});
after(() => berth[Symbol.asyncDispose]());

const plan = (path: string, body: Record<string, unknown>) => planAt(berth, path, body);

interface Problem {
  readonly code: string;
  readonly field: string;
}

const SECRET = `apiVersion: v1
kind: Secret
metadata: { name: {{ .Release.Name }}-secret }
stringData: { password: {{ .Values.password | default "first-password" | quote }}, same: "always-the-same" }
`;

test("a plan of an install shows what is made, with the API server's defaults, and makes nothing", async () => {
  const chart = {
    path: await berth.charts.write("planned", {
      "templates/config.yaml": CONFIG_MAP,
      "templates/app.yaml": DEPLOYMENT,
      "templates/service.yaml": SERVICE,
      "templates/secret.yaml": SECRET,
      "templates/hook.yaml": hookJob("before", "pre-install", false),
      "templates/later.yaml": hookJob("later", "pre-upgrade", false),
    }),
  };
  const request = { name: "planned", chart, values: { value: "one" } };
  const made = await plan("", request);
  assert.deepEqual([made.verb, made.revision], ["VERB_INSTALL", 0]);
  assert.deepEqual(made.summary, { create: 4, update: 0, unchanged: 0, delete: 0, keep: 0, refused: 0 });
  assert.match(of(made, "Deployment").planned, /progressDeadlineSeconds: 600/);
  assert.doesNotMatch(of(made, "Service").planned, /clusterIP: /);
  assert.deepEqual(
    made.hooks.map(({ name }) => name),
    ["planned-before"],
  );
  assert.doesNotMatch(JSON.stringify(made), /first-password|always-the-same|Zmlyc3QtcGFzc3dvcmQ=/);
  assert.ok(Number(made.encoded_size) > 500);
  for (const path of ["configmaps/planned-config", "services/planned-svc", "secrets/planned-secret"]) {
    assert.equal(await berth.object(`api/v1/namespaces/{ns}/${path}`), undefined, path);
  }
  assert.equal((await berth.request("GET", `${berth.releases}/planned`)).status, 404);

  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { ...request, plan_token: made.token }));
  for (const { object, planned } of made.objects.filter((one) => one.object.kind !== "Secret")) {
    assert.deepEqual(await live(object.kind, object.name), asPlanned(planned), object.kind);
  }

  const next = await plan("/planned", { chart, values: { value: "two", password: "second-password" } });
  assert.deepEqual(next.summary, { create: 0, update: 2, unchanged: 2, delete: 0, keep: 0, refused: 0 });
  assert.match(of(next, "ConfigMap").diff, /-\s+value: one\n\+\s+value: two/);
  assert.match(of(next, "Secret").diff, /password: \(redacted, as it is\)\n\+\s+password: \(redacted, changed\)/);
  assert.doesNotMatch(JSON.stringify(next.objects), /(first|second)-password/);
  assert.match(next.values_diff, /-value: one\n\+(password: second-password\n\+)?value: two/);
  assert.deepEqual(
    next.hooks.map(({ name }) => name),
    ["planned-later"],
  );
});

const KINDS: Readonly<Record<string, string>> = {
  ConfigMap: "api/v1/namespaces/{ns}/configmaps",
  Service: "api/v1/namespaces/{ns}/services",
  ServiceAccount: "api/v1/namespaces/{ns}/serviceaccounts",
  Deployment: "apis/apps/v1/namespaces/{ns}/deployments",
};

/** An object as a plan shows it. */
async function live(kind: string, name: string): Promise<unknown> {
  const object = await berth.object<Record<string, Record<string, unknown>>>(`${KINDS[kind] ?? ""}/${name}`);
  if (object === undefined) return undefined;
  const { status: _status, ...shown } = object;
  for (const field of ["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp"]) {
    Reflect.deleteProperty(shown.metadata ?? {}, field);
  }
  if (kind === "Service")
    for (const field of ["clusterIP", "clusterIPs"]) Reflect.deleteProperty(shown.spec ?? {}, field);
  return withoutNotes(shown);
}

/** Leaves out what a controller notes on the object once it has been applied. */
function withoutNotes(object: Record<string, Record<string, unknown>>): unknown {
  const annotations = object.metadata?.annotations as Record<string, string> | undefined;
  Reflect.deleteProperty(annotations ?? {}, "deployment.kubernetes.io/revision");
  return object;
}

function asPlanned(text: string): unknown {
  return withoutNotes(parse(text) as Record<string, Record<string, unknown>>);
}

test("what was applied equals what was shown, whatever is changed", async () => {
  const template = `{{- range $i, $v := .Values.maps }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $.Release.Name }}-{{ $i }}
  labels: { size: {{ len (toString $v) | quote }} }
data: { value: {{ toJson $v | quote }} }
{{- end }}
{{- range .Values.accounts }}
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: {{ $.Release.Name }}-{{ . }} }
{{- end }}
`;
  const chart = {
    path: await berth.charts.write("property", { "templates/a.yaml": template, "templates/b.yaml": DEPLOYMENT }),
  };
  let seed = 20261121;
  const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  const pick = () => ({
    replicas: random(3),
    maps: Object.fromEntries(Array.from({ length: random(5) }, () => [`m${String(random(6))}`, random(1000)])),
    accounts: [...new Set(Array.from({ length: random(3) }, () => `a${String(random(4))}`))],
  });
  for (let round = 0; round < 12; round += 1) {
    const request = { chart, values: pick(), install_if_missing: true, values_reuse: "VALUES_REUSE_RESET" };
    const made = await plan("/property", request);
    assert.equal(made.verb, round === 0 ? "VERB_INSTALL" : "VERB_UPGRADE");
    const url = `${berth.releases}/property`;
    succeeded(await berth.request<OperationAnswer>("PUT", url, { ...request, plan_token: made.token }));
    for (const { object, change, planned } of made.objects) {
      const now = await live(object.kind, object.name);
      const what = `round ${String(round)}, ${change} of ${object.kind} ${object.name}`;
      if (change === "PLANNED_CHANGE_DELETE") assert.equal(now, undefined, what);
      else assert.deepEqual(now, asPlanned(planned), what);
    }
  }
});

test("a token of another request, revision or chart is stale, and nothing is done", async () => {
  const files = { "templates/config.yaml": CONFIG_MAP };
  const chart = { path: await berth.charts.write("stale", files) };
  const url = `${berth.releases}/stale`;
  const { token } = await plan("", { name: "stale", chart });
  const put = (body: Record<string, unknown>) =>
    berth.request<Problem>("PUT", url, { chart, install_if_missing: true, ...body });
  const isStale = async (body: Record<string, unknown>) => {
    const { status, body: answer } = await put(body);
    assert.deepEqual([status, answer.code, answer.field], [409, "PLAN_STALE", "plan_token"]);
  };
  await isStale({ plan_token: token });
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name: "stale", chart, plan_token: token }));
  const again = await berth.request<Problem>("POST", berth.releases, { name: "stale", chart, plan_token: token });
  assert.deepEqual([again.status, again.body.code], [409, "PLAN_STALE"]);

  const planned = await plan("/stale", { chart, values: { value: "planned" } });
  await isStale({ install_if_missing: false, values: { value: "another" }, plan_token: planned.token });
  await isStale({
    install_if_missing: false,
    values: { value: "planned" },
    plan_token: planned.token,
    expected_revision: 7,
  });
  await berth.charts.write("stale", { ...files, "templates/more.yaml": "# another chart\n" });
  await isStale({ install_if_missing: false, values: { value: "planned" }, plan_token: planned.token });
  await berth.charts.write("stale", { "templates/config.yaml": CONFIG_MAP });
  assert.equal((await put({ plan_token: "nonsense" })).status, 400);

  const { body } = await berth.request<{ revision: number }>("GET", url);
  assert.equal(body.revision, 1);
});

test("validate_only says what would be refused, and render what would be sent; both change nothing", async () => {
  const bad = await berth.charts.write("checked", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/invalid.yaml":
      "apiVersion: v1\nkind: Service\nmetadata: { name: invalid }\nspec: { ports: [ { port: 99999 } ] }\n",
  });
  const refused = await berth.request<Problem>("POST", berth.releases, {
    name: "checked",
    chart: { path: bad },
    validate_only: true,
  });
  assert.deepEqual([refused.status, refused.body.code], [422, "CLUSTER_REFUSED"]);
  const good = await berth.charts.write("checked", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/invalid.yaml": "",
  });
  const body = { name: "checked", chart: { path: good }, values: { value: "seen" } };
  const checked = await berth.request<OperationAnswer>("POST", berth.releases, { ...body, validate_only: true });
  assert.equal(checked.body.state, "OPERATION_STATE_SUCCEEDED");
  const rendered = await berth.request<{ manifest: string }>("POST", `${berth.releases}:render`, body);
  assert.match(rendered.body.manifest, /value: "seen"/);
  assert.equal((await berth.request("GET", `${berth.releases}/checked`)).status, 404);

  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, body));
  const url = `${berth.releases}/checked`;
  for (const [method, path, request] of [
    ["PUT", url, { chart: { path: good }, values: { value: "other" }, validate_only: true }],
    ["POST", `${url}:test`, { validate_only: true }],
    ["POST", `${url}:rollback`, { revision: 1, validate_only: true }],
    ["DELETE", `${url}?validate_only=true`, undefined],
  ] as const) {
    const answer = await berth.request<OperationAnswer>(method, path, request);
    assert.equal(answer.body.state, "OPERATION_STATE_SUCCEEDED", JSON.stringify(answer.body));
  }
  assert.equal((await berth.request<{ revision: number }>("GET", url)).body.revision, 1);
  const map = await berth.object<{ data: { value: string } }>("api/v1/namespaces/{ns}/configmaps/checked-config");
  assert.equal(map?.data.value, "seen");
});
