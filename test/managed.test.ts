import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { failed, refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT, hookJob } from "./support/charts.ts";

let berth: TestBerth;
let chart: string;
/** Renders what Flux' helm-controller makes of the chart. */
let fluxed: string;

const FLUX = `  labels:
    helm.toolkit.fluxcd.io/name: app
    helm.toolkit.fluxcd.io/namespace: flux-system
`;

before(async () => {
  berth = await startTestBerth();
  const files = { "templates/config.yaml": CONFIG_MAP, "templates/app.yaml": DEPLOYMENT };
  chart = await berth.charts.write("plain", files);
  const marked = (text: string) => text.replace("metadata:\n", `metadata:\n${FLUX}`);
  fluxed = await berth.charts.write("fluxed", {
    "templates/config.yaml": marked(CONFIG_MAP),
    "templates/app.yaml": marked(DEPLOYMENT),
  });
});
after(() => berth[Symbol.asyncDispose]());

/** Every write of a release that somebody else may manage, each of which changes it. */
function writes(name: string, options: Record<string, unknown> = {}) {
  const path = `${berth.releases}/${name}`;
  const query = Object.entries(options).map(([key, value]) => `options.${key}=${String(value)}`);
  return {
    upgrade: () => berth.request<OperationAnswer>("PUT", path, { chart: { path: chart }, options }),
    rollback: () => berth.request<OperationAnswer>("POST", `${path}:rollback`, { revision: 1, options }),
    plan: () => berth.request("POST", `${path}:plan`, { chart: { path: chart }, options }),
    "dry run": () =>
      berth.request<OperationAnswer>("PUT", path, { chart: { path: chart }, options, validate_only: true }),
    uninstall: () => berth.request<OperationAnswer>("DELETE", `${path}?${query.join("&")}`),
  };
}

async function mark(name: string, metadata: unknown): Promise<void> {
  await berth.kube.request({
    method: "PATCH",
    path: `/api/v1/namespaces/${berth.namespace}/configmaps/${name}-config`,
    body: { metadata },
    contentType: "application/merge-patch+json",
  });
}

async function read(name: string): Promise<ReleaseAnswer & { readonly managed_by: string }> {
  return (await berth.request<ReleaseAnswer & { managed_by: string }>("GET", `${berth.releases}/${name}`)).body;
}

test("a release of Flux is refused, each write of it, unless that is forced", async () => {
  await berth.helm("install", "flux", fluxed);
  await berth.helm("upgrade", "flux", fluxed);
  const before = await read("flux");
  assert.deepEqual([before.revision, before.managed_by], [2, "HelmRelease flux-system/app of Flux"]);
  for (const [verb, write] of Object.entries(writes("flux"))) {
    const problem = refused(await write(), 409, "RELEASE_MANAGED", "options.force_managed");
    assert.match(problem.detail ?? "", /managed by HelmRelease flux-system\/app of Flux/, verb);
    assert.match(problem.hint ?? "", /options\.force_managed/);
    assert.deepEqual([problem.object?.kind, problem.object?.name], ["ConfigMap", "flux-config"]);
  }
  assert.deepEqual(await read("flux"), before, "nothing is changed");
  const tested = await berth.request<OperationAnswer>("POST", `${berth.releases}/flux:test`, {});
  assert.equal(succeeded(tested).result?.release?.revision, 2, "a test changes no release");

  const forced = writes("flux", { force_managed: true });
  assert.equal((await forced.plan()).status, 200);
  succeeded(await forced["dry run"]());
  assert.equal(succeeded(await forced.rollback()).result?.release?.revision, 3);
  assert.equal(succeeded(await forced.upgrade()).result?.release?.revision, 4);
  succeeded(await forced.uninstall());
});

test("a release whose objects Argo CD has taken over is refused by what is live", async () => {
  const id = (kind: string, name: string) => `shop:/${kind}:${berth.namespace}/${name}`;
  const install = async (name: string) => {
    succeeded(await berth.request("POST", berth.releases, { name, chart: { path: chart } }));
  };
  await install("argo");
  await mark("argo", { annotations: { "argocd.argoproj.io/tracking-id": id("ConfigMap", "argo-config") } });
  for (const write of Object.values(writes("argo"))) {
    const problem = refused(await write(), 409, "RELEASE_MANAGED", "options.force_managed");
    assert.match(
      problem.detail ?? "",
      /managed by Application shop of Argo CD, by what stands on ConfigMap argo-config/,
    );
  }
  succeeded(await writes("argo", { force_managed: true }).uninstall());

  await install("label");
  await mark("label", { labels: { "argocd.argoproj.io/instance": "shop" } });
  refused(await writes("label").uninstall(), 409, "RELEASE_MANAGED");

  await install("copied");
  await mark("copied", { annotations: { "argocd.argoproj.io/tracking-id": id("ConfigMap", "another") } });
  succeeded(await writes("copied").upgrade());
});

test("what follows a forced write that failed is forced as well", async () => {
  await berth.helm("install", "back", fluxed);
  const failing = await berth.charts.write("failing", {
    "templates/config.yaml": CONFIG_MAP,
    "templates/hook.yaml": hookJob("hook", "pre-upgrade", true),
  });
  const answer = await berth.request<OperationAnswer>("PUT", `${berth.releases}/back`, {
    chart: { path: failing },
    options: { force_managed: true, timeout: "20s" },
    policy: { remediation: "REMEDIATION_ROLLBACK" },
  });
  failed(answer, "HOOK_FAILED");
  const { status, revision } = await read("back");
  assert.deepEqual([status, revision], ["deployed", 3]);
});
