import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { refused, succeeded } from "./support/answers.ts";
import type { ErrorAnswer, OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT, SERVICE } from "./support/charts.ts";

const SECRET = `apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}-secret
stringData: { password: hunter2, user: me }
`;

interface Checked {
  readonly release: ReleaseAnswer;
  readonly in_sync: boolean;
  readonly objects: readonly {
    readonly object: { readonly kind: string; readonly name: string; readonly namespace: string };
    readonly state: string;
    readonly fields: readonly { readonly path: string; readonly live: string; readonly wanted: string }[];
    readonly error?: ErrorAnswer;
  }[];
  readonly summary: Record<string, number>;
}

let berth: TestBerth;
let chart: string;

before(async () => {
  berth = await startTestBerth();
  const config = `${CONFIG_MAP}  "a.b": text\n`;
  chart = await berth.charts.write("checked", {
    "templates/config.yaml": config,
    "templates/app.yaml": DEPLOYMENT,
    "templates/service.yaml": SERVICE,
    "templates/secret.yaml": SECRET,
  });
});
after(() => berth[Symbol.asyncDispose]());

async function check(name: string): Promise<Checked> {
  const { status, body } = await berth.request<Checked>("GET", `${berth.releases}/${name}:check`);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

function states({ objects }: Checked): Record<string, string> {
  return Object.fromEntries(objects.map(({ object, state }) => [object.kind, state.replace("CHECK_STATE_", "")]));
}

/** Fields of one kind: path to what is live and what is wanted. */
function fields({ objects }: Checked, kind: string): Record<string, [string, string]> {
  const found = objects.find(({ object }) => object.kind === kind);
  assert.ok(found, kind);
  return Object.fromEntries(found.fields.map(({ path, live, wanted }) => [path, [live, wanted]]));
}

function path(resource: string): string {
  const group = resource.startsWith("deployments") ? "apis/apps/v1" : "api/v1";
  return `${group}/namespaces/${berth.namespace}/${resource}`;
}

async function patch(resource: string, body: unknown): Promise<void> {
  await berth.kube.request({
    method: "PATCH",
    path: `/${path(resource)}`,
    body,
    contentType: "application/strategic-merge-patch+json",
  });
}

for (const [name, install] of [
  ["ours", () => berth.request("POST", berth.releases, { name: "ours", chart: { path: chart } })],
  ["theirs", () => berth.helm("install", "theirs", chart, "--server-side=false")],
] as const) {
  test(`what has drifted of a release is named field by field, and left as it is: ${name}`, async () => {
    await install();
    const fresh = await check(name);
    assert.equal(fresh.in_sync, true, JSON.stringify(fresh.objects));
    assert.deepEqual(fresh.summary, { in_sync: 4, drifted: 0, missing: 0, unknown: 0 });

    // What the chart does not set is whoever's.
    await patch(`deployments/${name}-app`, {
      metadata: { annotations: { "example.com/by": "somebody" } },
      spec: {
        minReadySeconds: 1,
        template: { spec: { containers: [{ name: "main", env: [{ name: "A", value: "1" }] }] } },
      },
    });
    await patch(`configmaps/${name}-config`, { data: { more: "theirs" } });
    assert.equal((await check(name)).in_sync, true);

    await patch(`deployments/${name}-app`, {
      spec: { replicas: 3, template: { spec: { containers: [{ name: "main", image: "registry.local/app:2" }] } } },
    });
    await patch(`configmaps/${name}-config`, {
      metadata: { labels: { "app.kubernetes.io/managed-by": null } },
      data: { "a.b": "other", value: null },
    });
    await patch(`secrets/${name}-secret`, { stringData: { password: "guessed" } });
    await berth.kube.request({ method: "DELETE", path: `/${path(`services/${name}-svc`)}` });
    const before = await berth.object<{ metadata: { resourceVersion: string } }>(path(`configmaps/${name}-config`));

    const drifted = await check(name);
    assert.deepEqual(states(drifted), {
      ConfigMap: "DRIFTED",
      Deployment: "DRIFTED",
      Secret: "DRIFTED",
      Service: "MISSING",
    });
    assert.deepEqual([drifted.in_sync, drifted.summary.drifted, drifted.summary.missing], [false, 3, 1]);
    assert.deepEqual(fields(drifted, "ConfigMap"), {
      'data["a.b"]': ['"other"', '"text"'],
      "data.value": ["", '"none"'],
      'metadata.labels["app.kubernetes.io/managed-by"]': ["", '"Helm"'],
    });
    assert.deepEqual(fields(drifted, "Deployment"), {
      "spec.replicas": ["3", "1"],
      "spec.template.spec.containers[name=main].image": ['"registry.local/app:2"', '"registry.local/app:1"'],
    });
    assert.deepEqual(fields(drifted, "Secret"), { "data.password": ['"(redacted)"', '"(redacted)"'] });
    assert.equal(drifted.release.name, name);
    const later = await berth.object<{ metadata: { resourceVersion: string } }>(path(`configmaps/${name}-config`));
    assert.equal(later?.metadata.resourceVersion, before?.metadata.resourceVersion, "a check changes nothing");
    assert.equal(await berth.object(path(`services/${name}-svc`)), undefined);
  });
}

test("an object of which the API server will not tell is said to be that, and why", async () => {
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name: "other", chart: { path: chart } }));
  const at = `/${path("deployments/other-app")}`;
  await berth.kube.request({ method: "DELETE", path: at });
  const template = { metadata: { labels: { app: "x" } }, spec: { containers: [{ name: "main", image: "x" }] } };
  await berth.kube.request({
    method: "POST",
    path: `/${path("deployments")}`,
    body: {
      ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "other-app" } },
      spec: { selector: { matchLabels: { app: "x" } }, template },
    },
  });
  const checked = await check("other");
  assert.equal(states(checked).Deployment, "UNKNOWN");
  const { error } = checked.objects.find(({ object }) => object.kind === "Deployment") ?? {};
  assert.equal(error?.code, "CLUSTER_REFUSED");
  assert.match(error.message ?? "", /field is immutable/);
});

test("what is not there, or uninstalled with its history kept, cannot be checked", async () => {
  refused(await berth.request("GET", `${berth.releases}/none:check`), 404, "RELEASE_NOT_FOUND");
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name: "gone", chart: { path: chart } }));
  succeeded(await berth.request<OperationAnswer>("DELETE", `${berth.releases}/gone?keep_history=true`));
  refused(await berth.request("GET", `${berth.releases}/gone:check`), 404, "RELEASE_NOT_FOUND");
});
