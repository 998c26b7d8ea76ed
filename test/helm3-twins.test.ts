import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { failed, succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT, SERVICE } from "./support/charts.ts";
import { DRIVERS, helmsOf, recordsOf } from "./support/helm3.ts";
import type { Driver, Helms } from "./support/helm3.ts";

/*
 * Two releases that Helm 3 has made alike: what Berth does to the one and Helm 4
 * to the other leaves the same objects, fields and their owners included.
 */

interface Live {
  readonly metadata: {
    readonly managedFields: { readonly manager: string; readonly operation: string; readonly fieldsV1: unknown }[];
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

interface PlanAnswer {
  readonly objects: { readonly planned: string; readonly error?: { readonly code: string } }[];
  readonly values_diff: string;
}

/** What Helm 3 has no word for, and Helm 4 decides by how the revision before was applied. */
const SERVER_SIDE = { server_side_apply: "SERVER_SIDE_APPLY_TRUE" };
const ANNOTATED = "  annotations: { helm.sh/resource-policy: keep }\n";

let berth: TestBerth;
let helms: Helms;
let first: string;
let second: string;

before(async () => {
  berth = await startTestBerth();
  helms = await helmsOf(berth);
  first = await berth.charts.write("first", {
    "templates/app.yaml": DEPLOYMENT,
    "templates/config.yaml": `${CONFIG_MAP}  gone: soon\n`,
    "templates/kept.yaml": CONFIG_MAP.replace("-config\n", `-kept\n${ANNOTATED}`),
    "templates/service.yaml": SERVICE,
  });
  second = await berth.charts.write("second", {
    "templates/app.yaml": DEPLOYMENT,
    "templates/config.yaml": `${CONFIG_MAP}  come: since\n`,
    "templates/more.yaml": CONFIG_MAP.replace("-config", "-more"),
  });
});
after(() => berth[Symbol.asyncDispose]());

const kinds = [
  ["configmaps", "api/v1", ["config", "kept", "more"]],
  ["services", "api/v1", ["svc"]],
  ["deployments", "apis/apps/v1", ["app"]],
] as const;

/** What is live of a release, and who owns which field of it, without what two releases cannot have in common. */
async function liveOf(name: string): Promise<string> {
  const lines: string[] = [];
  for (const [plural, api, ends] of kinds) {
    for (const end of ends) {
      const found = await berth.object<Live>(`${api}/namespaces/{ns}/${plural}/${name}-${end}`);
      if (found === undefined) continue;
      const { status: _, metadata, ...rest } = found;
      const { uid: _u, resourceVersion: _r, creationTimestamp: _c, managedFields, ...kept } = metadata;
      // The newest stands last, and controllers write when they come to it.
      const owners = managedFields
        .filter(({ manager }) => ["helm", "somebody"].includes(manager))
        .map(({ manager, operation, fieldsV1 }) => `${manager} ${operation} ${JSON.stringify(fieldsV1)}`)
        .sort();
      const text = JSON.stringify({ ...rest, kept, owners }, null, 1).replaceAll(name, "NAME");
      lines.push(text.replaceAll(/"(clusterIP|\d+\.\d+\.\d+\.\d+|deployment.kubernetes.io\/revision)".*/g, ""));
    }
  }
  return lines.join("\n");
}

async function asSomebody(name: string, patch: object): Promise<void> {
  await berth.kube.request({
    method: "PATCH",
    path: `/api/v1/namespaces/${berth.namespace}/configmaps/${name}-config`,
    query: { fieldManager: "somebody" },
    body: patch,
    contentType: "application/merge-patch+json",
  });
}

for (const driver of DRIVERS) {
  test(`a release of Helm 3 in a ${driver} goes through Berth as through Helm 4`, async () => {
    const [three, four] = [helms.three(driver), helms.four(driver)];
    const [ours, theirs] = [`ours-${driver}`, `theirs-${driver}`];
    for (const name of [ours, theirs]) {
      await three.run("install", name, first, "--set", "value=one");
      await three.run("upgrade", name, first, "--set", "value=two");
      await asSomebody(name, { metadata: { annotations: { note: "mine" } } });
    }
    const path = `${berth.releases}/${ours}`;
    const put = (options = {}) => berth.request<OperationAnswer>("PUT", path, { chart: { path: second }, options });
    const back = (revision: number) => berth.request<OperationAnswer>("POST", `${path}:rollback`, { revision });
    const steps = [
      ["upgrade", () => put(), ["upgrade", theirs, second]],
      ["rollback", () => back(1), ["rollback", theirs, "1"]],
      ["upgrade, server-side", () => put(SERVER_SIDE), ["upgrade", theirs, second, "--server-side=true"]],
      ["upgrade after it", () => put(), ["upgrade", theirs, second]],
      ["rollback to what was applied client-side", () => back(2), ["rollback", theirs, "2"]],
      ["rollback to what was applied server-side", () => back(5), ["rollback", theirs, "5"]],
    ] as const;
    for (const [what, byBerth, byHelm] of steps) {
      succeeded(await byBerth());
      await four.run(...byHelm);
      assert.equal(await liveOf(ours), await liveOf(theirs), what);
      assert.deepEqual(await told(driver, ours), await told(driver, theirs), what);
      const { body } = await berth.request<{ in_sync: boolean }>("GET", `${path}:check`);
      assert.equal(body.in_sync, true, what);
    }
    const config = await berth.object<{ data: object; metadata: { annotations: object } }>(
      `api/v1/namespaces/{ns}/configmaps/${ours}-config`,
    );
    assert.deepEqual(config?.data, { value: "one", come: "since" }, "what a chart no longer has is gone");
    assert.ok("note" in config.metadata.annotations, "what others have set stays");

    succeeded(await berth.request<OperationAnswer>("DELETE", path));
    await four.run("uninstall", theirs);
    assert.deepEqual(await recordsOf(berth, ours), []);
    const left = await liveOf(ours);
    assert.equal(left, await liveOf(theirs));
    assert.deepEqual(left.match(/"name": "NAME.*"/g), ['"name": "NAME-kept"'], "what is to be kept is");
  });
}

/** What Helm 4 tells of a release's revisions. */
async function told(driver: Driver, name: string) {
  const history = await helms
    .four(driver)
    .json<{ revision: number; status: string; chart: string; description: string }[]>("history", name);
  const metadata = await helms.four(driver).json<{ applyMethod?: string }>("get", "metadata", name);
  const revisions = history.map(({ revision, status, chart, description }) => [revision, status, chart, description]);
  return { revisions, applied: metadata.applyMethod };
}

test("a plan knows that a server-side upgrade takes over the fields of Helm 3, and of nobody else", async () => {
  const three = helms.three("secret");
  await three.run("install", "planned", first);
  const path = `${berth.releases}/planned`;
  const body = { chart: { path: second }, values: { value: "new" }, options: SERVER_SIDE };
  const plan = async () => (await berth.request<PlanAnswer>("POST", `${path}:plan`, body)).body;
  const codes = ({ objects }: PlanAnswer) => objects.flatMap(({ error }) => error?.code ?? []);

  const planned = await plan();
  assert.deepEqual(codes(planned), []);
  assert.match(planned.objects[0]?.planned ?? "", /data:\n {2}come: since\n {2}value: new\nkind/);
  assert.doesNotMatch(planned.values_diff, /null/);
  succeeded(await berth.request<OperationAnswer>("PUT", path, { ...body, validate_only: true }));

  await asSomebody("planned", { data: { value: "theirs" } });
  assert.deepEqual(codes(await plan()), ["APPLY_CONFLICT"]);
  failed(await berth.request<OperationAnswer>("PUT", path, body), "APPLY_CONFLICT");
  const options = { ...SERVER_SIDE, force_conflicts: true };
  const forced = await berth.request<PlanAnswer>("POST", `${path}:plan`, { ...body, options });
  assert.deepEqual(codes(forced.body), []);
  succeeded(await berth.request<OperationAnswer>("PUT", path, { ...body, options }));
  const after = await berth.object<{ data: object }>("api/v1/namespaces/{ns}/configmaps/planned-config");
  assert.deepEqual(after?.data, { value: "new", come: "since" });
});
