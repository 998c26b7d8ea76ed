import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { parse } from "yaml";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, SERVICE, hookJob } from "./support/charts.ts";
import { of, planAt } from "./support/plans.ts";

/** Who may do all. */
let admin: TestBerth;
/** Who may do all but with Jobs and Services. */
let limited: TestBerth;

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const everything = { resources: ["*"], verbs: ["*"] };
const RULES = [
  { apiGroups: [""], resources: ["configmaps", "secrets", "namespaces", "events", "pods"], verbs: ["*"] },
  { apiGroups: [""], resources: ["services"], verbs: ["get", "list", "watch"] },
  { apiGroups: ["batch"], resources: ["jobs"], verbs: ["get", "list", "watch", "create", "patch"] },
  { apiGroups: ["apps", "coordination.k8s.io", "apiextensions.k8s.io", "berth.dev"], ...everything },
];

before(async () => {
  admin = await startTestBerth();
  limited = await startTestBerth({ kubeconfig: await makeAccount(admin) });
});
after(async () => {
  await limited[Symbol.asyncDispose]();
  for (const kind of ["clusterrolebindings", "clusterroles"]) {
    await admin.kube.request({ method: "DELETE", path: `${RBAC}/${kind}/${admin.namespace}` });
  }
  await admin[Symbol.asyncDispose]();
});

/** Makes a service account with the rules above, and gives its kubeconfig. */
async function makeAccount({ kube, kubeconfig, namespace, charts }: TestBerth): Promise<string> {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  const metadata = { name: namespace };
  await kube.request({ method: "POST", path: accounts, body: { metadata } });
  await kube.request({ method: "POST", path: `${RBAC}/clusterroles`, body: { metadata, rules: RULES } });
  await kube.request({
    method: "POST",
    path: `${RBAC}/clusterrolebindings`,
    body: {
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: namespace },
      subjects: [{ kind: "ServiceAccount", name: namespace, namespace }],
    },
  });
  const { status } = await kube.request<{ status: { token: string } }>({
    method: "POST",
    path: `${accounts}/${namespace}/token`,
    body: { spec: {} },
  });
  const config = parse(await readFile(kubeconfig, "utf8")) as { users: { user: unknown }[] };
  for (const one of config.users) one.user = { token: status.token };
  const file = join(charts.path, "limited.yaml");
  await writeFile(file, JSON.stringify(config));
  return file;
}

test("a plan tells the rights that are missing for objects and for the hooks that would run", async () => {
  const chart = {
    path: await limited.charts.write("rights", {
      "templates/config.yaml": CONFIG_MAP,
      "templates/service.yaml": SERVICE,
      "templates/hook.yaml": hookJob("before", "pre-install", false),
      "templates/later.yaml": hookJob("later", "pre-upgrade", false),
    }),
  };
  const made = await planAt(limited, "", { name: "rights", chart });
  assert.equal(of(made, "ConfigMap").error, undefined);
  assert.equal(of(made, "Service").error?.code, "FORBIDDEN");
  assert.deepEqual(
    made.hooks.map(({ name, error }) => [name, error?.code]),
    [["rights-before", "FORBIDDEN"]],
  );
  assert.match(made.hooks[0]?.error?.message ?? "", /cannot delete resource "jobs"/);
  assert.equal(await limited.object("apis/batch/v1/namespaces/{ns}/jobs/rights-before"), undefined);
});

test("validate_only refuses a hook that would be refused, and not one that is off", async () => {
  const chart = {
    path: await limited.charts.write("hooked", {
      "templates/config.yaml": CONFIG_MAP,
      "templates/hook.yaml": hookJob("before", "pre-install", false),
    }),
  };
  const body = { name: "hooked", chart, validate_only: true };
  const { status, body: problem } = await limited.request<{ code: string }>("POST", limited.releases, body);
  assert.deepEqual([status, problem.code], [403, "FORBIDDEN"]);
  const without = { ...body, options: { disable_hooks: true } };
  succeeded(await limited.request<OperationAnswer>("POST", limited.releases, without));
  succeeded(await admin.request<OperationAnswer>("POST", admin.releases, body));
});
