import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { of, planAt } from "./support/plans.ts";

let berth: TestBerth;

before(async () => {
  berth = await startTestBerth();
});
after(() => berth[Symbol.asyncDispose]());

const plan = (path: string, body: Record<string, unknown>) => planAt(berth, path, body);

test("removed APIs, missing definitions, objects of others and deletions are in the plan", async () => {
  const existing = await berth.charts.write("existing", { "templates/config.yaml": CONFIG_MAP });
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name: "owner", chart: { path: existing } }));
  const kept = CONFIG_MAP.replace("-config", "-kept").replace(
    "metadata:\n",
    "metadata:\n  annotations: { helm.sh/resource-policy: keep }\n",
  );
  const first = await berth.charts.write("parts", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/kept.yaml": kept,
    "templates/gone.yaml": CONFIG_MAP.replace("-config", "-gone"),
  });
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name: "parts", chart: { path: first } }));
  const second = await berth.charts.write("parts", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/theirs.yaml": CONFIG_MAP.replace("{{ .Release.Name }}-config", "owner-config"),
    "templates/old.yaml": "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: { name: old }\n",
    "templates/invalid.yaml":
      "apiVersion: v1\nkind: Service\nmetadata: { name: invalid }\nspec: { ports: [ { port: 99999 } ] }\n",
    "templates/kept.yaml": "",
    "templates/gone.yaml": "",
    "crds/crd.yaml": JSON.stringify({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "planets.plan.example.com" },
      spec: {
        group: "plan.example.com",
        names: { kind: "Planet", plural: "planets" },
        scope: "Namespaced",
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
      },
    }),
    "templates/planet.yaml": "apiVersion: plan.example.com/v1\nkind: Planet\nmetadata: { name: mars }\n",
  });
  const made = await plan("/parts", { chart: { path: second } });
  assert.equal(of(made, "PodDisruptionBudget").error?.code, "API_REMOVED");
  assert.equal(of(made, "ConfigMap", "owner-config").error?.code, "OBJECT_EXISTS");
  assert.equal(of(made, "Service").error?.code, "CLUSTER_REFUSED");
  assert.equal(of(made, "ConfigMap", "parts-gone").change, "PLANNED_CHANGE_DELETE");
  assert.equal(of(made, "ConfigMap", "parts-kept").change, "PLANNED_CHANGE_KEEP");
  assert.equal(of(made, "ConfigMap", "parts-config").change, "PLANNED_CHANGE_UNCHANGED");
  assert.equal(made.summary.refused, 3);
  assert.partialDeepStrictEqual(made.crds, [
    { name: "planets.plan.example.com", change: "PLANNED_CHANGE_UNCHANGED", differs: true },
  ]);

  const asInstall = await plan("", { name: "fresh", chart: { path: second } });
  assert.deepEqual(
    asInstall.crds.map(({ change }) => change),
    ["PLANNED_CHANGE_CREATE"],
  );
  assert.equal(of(asInstall, "Planet").change, "PLANNED_CHANGE_CREATE");
  assert.equal(of(asInstall, "Planet").error, undefined);
});

test("definitions are upgraded only when asked, and a plan shows how", async () => {
  const definition = (field: string) =>
    JSON.stringify({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `moons.${berth.namespace}.example.com` },
      spec: {
        group: `${berth.namespace}.example.com`,
        names: { kind: "Moon", plural: "moons" },
        scope: "Namespaced",
        versions: [
          {
            ...{ name: "v1", served: true, storage: true },
            schema: { openAPIV3Schema: { type: "object", properties: { [field]: { type: "string" } } } },
          },
        ],
      },
    });
  const moon = (field: string) =>
    `apiVersion: ${berth.namespace}.example.com/v1\nkind: Moon\nmetadata: { name: luna }\n${field}: x\n`;
  const path = `apis/${berth.namespace}.example.com/v1/namespaces/{ns}/moons/luna`;
  const write = (field: string) =>
    berth.charts.write("moons", { "crds/crd.yaml": definition(field), "templates/moon.yaml": moon(field) });
  const chart = { path: await write("old") };
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name: "moons", chart }));
  await write("fresh");
  const kept = await plan("/moons", { chart });
  assert.deepEqual([kept.crds[0]?.change, kept.crds[0]?.differs], ["PLANNED_CHANGE_UNCHANGED", true]);
  assert.notEqual(of(kept, "Moon").error, undefined, "the API server knows no such field yet");

  const options = { upgrade_crds: true };
  const made = await plan("/moons", { chart, options });
  const [crd] = made.crds;
  assert.deepEqual([crd?.change, crd?.differs], ["PLANNED_CHANGE_UPDATE", false]);
  assert.match(crd?.diff ?? "", /-\s+old:[^]*\+\s+fresh:|\+\s+fresh:[^]*-\s+old:/);
  const url = `${berth.releases}/moons`;
  succeeded(await berth.request<OperationAnswer>("PUT", url, { chart, options, plan_token: made.token }));
  assert.equal((await berth.object<{ fresh?: string }>(path))?.fresh, "x");
  succeeded(await berth.request<OperationAnswer>("DELETE", url));
  await berth.kube.request({
    method: "DELETE",
    path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/moons.${berth.namespace}.example.com`,
  });
});
