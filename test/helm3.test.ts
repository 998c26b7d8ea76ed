import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT, hookJob } from "./support/charts.ts";
import { eventually } from "./support/exposures.ts";
import type { HelmRevision } from "./support/helm.ts";
import { DRIVERS, helmsOf } from "./support/helm3.ts";
import type { Helms } from "./support/helm3.ts";

/*
 * What Berth tells of releases that Helm 3 has made is what Helm 3 tells of them.
 */

interface Listed {
  readonly name: string;
  readonly namespace: string;
  readonly revision: string;
  readonly updated: string;
  readonly status: string;
  readonly chart: string;
  readonly app_version: string;
}

interface Told extends ReleaseAnswer {
  readonly last_deployed: string;
  readonly chart: { readonly name: string; readonly version: string; readonly app_version: string };
}

let berth: TestBerth;
let helms: Helms;

before(async () => {
  berth = await startTestBerth();
  helms = await helmsOf(berth);
});
after(() => berth[Symbol.asyncDispose]());

const get = async <T>(path: string) => (await berth.request<T>("GET", berth.releases + path)).body;
/** Of Go's times, the one that JavaScript has. */
const milliseconds = (time: string) => Date.parse(`${time.slice(0, 10)}T${time.slice(11, 23)}Z`);
const nameOf = ({ chart }: Told) => `${chart.name}-${chart.version}`;

test("Helm 3 is the version that is pinned", async () => {
  assert.equal((await helms.three("secret").run("version", "--template", "{{.Version}}")).trim(), "v3.21.4");
});

for (const driver of DRIVERS) {
  test(`of a release of Helm 3 in a ${driver} Berth tells what Helm 3 tells`, async () => {
    const three = helms.three(driver);
    const name = `told-${driver}`;
    const files = {
      "templates/config.yaml": CONFIG_MAP,
      "templates/app.yaml": DEPLOYMENT,
      "templates/hook.yaml": hookJob("hook", "pre-install,pre-upgrade", false),
      "templates/NOTES.txt": "Release {{ .Release.Name }}, revision {{ .Release.Revision }}.",
      "values.yaml": "value: default\nnested: { kept: true, list: [1, 2] }\n",
    };
    const chart = await berth.charts.write(name, files, "version: 1.2.3\nappVersion: '7'");
    await three.run("install", name, chart, "--labels", "team=pay", "--set", "value=one");
    await three.run("upgrade", name, chart, "--set-json", 'nested={"kept":false}', "--description", "second");

    const [theirs] = await three.json<Listed[]>("list", "-a", "--filter", name);
    assert.ok(theirs);
    const { releases } = await get<{ releases: Told[] }>(`?filter=${name}`);
    const listed = releases.map((one) => ({
      ...{ name: one.name, namespace: one.namespace, revision: String(one.revision), status: one.status },
      ...{ updated: milliseconds(one.last_deployed), chart: nameOf(one), app_version: one.chart.app_version },
    }));
    assert.deepEqual(listed, [{ ...theirs, updated: milliseconds(theirs.updated) }]);
    assert.deepEqual(releases[0]?.labels, { team: "pay" });
    assert.deepEqual(await get<ReleaseAnswer>(`/${name}`), releases[0]);

    const { revisions } = await get<{ revisions: Told[] }>(`/${name}/history`);
    const history = revisions.reverse().map((one) => ({
      ...{ revision: one.revision, status: one.status, description: one.description, chart: nameOf(one) },
      ...{ app_version: one.chart.app_version, updated: milliseconds(one.last_deployed) },
    }));
    const known = await three.json<HelmRevision[]>("history", name);
    assert.deepEqual(
      history,
      known.map((one) => ({ ...one, updated: milliseconds(one.updated) })),
    );

    for (const revision of ["1", "2"]) {
      const at = [name, "--revision", revision];
      const { manifest } = await get<{ manifest: string }>(`/${name}/manifest?revision=${revision}`);
      assert.equal(manifest.trim(), (await three.run("get", "manifest", ...at)).trim());
      const { values } = await get<{ values: unknown }>(`/${name}/values?revision=${revision}`);
      assert.deepEqual(values, await three.json("get", "values", ...at));
      const all = await get<{ values: unknown }>(`/${name}/values?computed=true&revision=${revision}`);
      assert.deepEqual(all.values, await three.json("get", "values", "--all", ...at));
      const { notes } = await get<{ notes: string }>(`/${name}/notes?revision=${revision}`);
      assert.equal((await three.run("get", "notes", ...at)).trim(), `NOTES:\n${notes}`);
      const { hooks } = await get<{ hooks: { path: string; manifest: string; last_phase: string }[] }>(
        `/${name}/hooks?revision=${revision}`,
      );
      const shown = hooks.map((hook) => `---\n# Source: ${hook.path}\n${hook.manifest}`).join("\n");
      assert.equal((await three.run("get", "hooks", ...at)).trim(), shown.trim());
      assert.deepEqual(
        hooks.map(({ last_phase }) => last_phase),
        ["Succeeded"],
      );
    }
    const { in_sync } = await get<{ in_sync: boolean }>(`/${name}:check`);
    assert.equal(in_sync, true);
  });
}

test("a chart of Helm 2's format, with requirements.yaml, goes on as Helm 3 has it", async () => {
  const three = helms.three("secret");
  const chart = await berth.charts.write("dated", {
    "Chart.yaml": "apiVersion: v1\nname: dated\nversion: 0.1.0\nappVersion: '1'\n",
    "requirements.yaml":
      "dependencies:\n- { name: sub, version: 0.1.0, repository: '', alias: other, condition: other.enabled }\n",
    "charts/sub/Chart.yaml": "apiVersion: v1\nname: sub\nversion: 0.1.0\n",
    "charts/sub/templates/config.yaml": CONFIG_MAP.replace("-config", "-sub"),
    "templates/config.yaml": CONFIG_MAP,
    "values.yaml": "other: { enabled: true }\n",
  });
  await three.run("install", "dated", chart, "--set", "value=kept");
  // Helm 4 ends some documents with one more empty line.
  const manifest = async () => (await three.run("get", "manifest", "dated")).replaceAll(/\n+/g, "\n");
  const before = await manifest();
  assert.match(before, /name: dated-sub/);
  const upgrade = (body: object) =>
    berth.request<OperationAnswer>("PUT", `${berth.releases}/dated`, { chart: { path: chart }, ...body });
  succeeded(await upgrade({ values_reuse: "VALUES_REUSE_REUSE" }));
  assert.equal(await manifest(), before);
  succeeded(await upgrade({ values: { other: { enabled: false } }, values_reuse: "VALUES_REUSE_RESET_THEN_REUSE" }));
  assert.deepEqual(await three.json("get", "values", "dated"), { value: "kept", other: { enabled: false } });
  assert.equal(await berth.object("api/v1/namespaces/{ns}/configmaps/dated-sub"), undefined);
  succeeded(await berth.request<OperationAnswer>("DELETE", `${berth.releases}/dated`));
});

/** Writes a chart with a definition and an object of it. */
function writePlanets(group: string, names: object, properties: object): Promise<string> {
  const schema = { openAPIV3Schema: { type: "object", properties } };
  const versions = [{ name: "v1", served: true, storage: true, schema }];
  const spec = { group, names: { kind: "Planet", plural: "planets", ...names }, scope: "Namespaced", versions };
  const metadata = { name: `planets.${group}` };
  const definition = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata, spec };
  return berth.charts.write("planets", {
    "crds/planet.json": JSON.stringify(definition),
    "templates/mars.yaml": `apiVersion: ${group}/v1\nkind: Planet\nmetadata: { name: mars }\nmoons: 2\n`,
  });
}

const pathOf = (group: string) => `apis/apiextensions.k8s.io/v1/customresourcedefinitions/planets.${group}`;
const MOONS = { moons: { type: "integer" } };

test("definitions that Helm 3 has installed stay, and are upgraded where that is asked", async () => {
  const group = `${berth.namespace}.example.com`;
  interface Definition {
    readonly spec: {
      readonly names: { readonly shortNames?: readonly string[] };
      readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: { readonly properties: object } } }[];
    };
  }
  const live = async () => {
    const spec = (await berth.object<Definition>(pathOf(group)))?.spec;
    return [spec?.names.shortNames, Object.keys(spec?.versions[0]?.schema.openAPIV3Schema.properties ?? {})];
  };
  const chart = await writePlanets(group, { shortNames: ["pl"] }, MOONS);
  await helms.three("secret").run("install", "planets", chart);
  await writePlanets(group, {}, { ...MOONS, rings: { type: "integer" } });
  const path = `${berth.releases}/planets`;
  const upgrade = (options: object) => berth.request<OperationAnswer>("PUT", path, { chart: { path: chart }, options });
  succeeded(await upgrade({}));
  assert.deepEqual(await live(), [["pl"], ["moons"]]);
  const options = { upgrade_crds: true };
  const planned = await berth.request<{ crds: { change: string; error?: object }[] }>("POST", `${path}:plan`, {
    chart: { path: chart },
    options,
  });
  assert.deepEqual(
    planned.body.crds.map(({ change, error }) => [change, error]),
    [["PLANNED_CHANGE_UPDATE", undefined]],
  );
  succeeded(await upgrade(options));
  assert.deepEqual(await live(), [undefined, ["moons", "rings"]]);
  succeeded(await berth.request<OperationAnswer>("DELETE", path));
  assert.equal(await berth.object(`apis/${group}/v1/namespaces/{ns}/planets/mars`), undefined);
  assert.notEqual(await berth.object(pathOf(group)), undefined, "a definition outlives its chart");
  await berth.kube.request({ method: "DELETE", path: `/${pathOf(group)}` });
});

test("a release with an object whose API is gone says so, and nothing is done to it", async () => {
  const group = `gone.${berth.namespace}.example.com`;
  const chart = await writePlanets(group, {}, MOONS);
  const three = helms.three("configmap");
  await three.run("install", "gone", chart);
  await berth.kube.request({ method: "DELETE", path: `/${pathOf(group)}` });
  await eventually("the API is gone", async () =>
    (await berth.object(`apis/${group}/v1`)) === undefined ? true : undefined,
  );
  const path = `${berth.releases}/gone`;
  const plain = { chart: { path: await berth.charts.write("plain", { "templates/config.yaml": CONFIG_MAP }) } };
  const asked = [
    await berth.request("PUT", path, plain),
    await berth.request("POST", `${path}:plan`, plain),
    await berth.request("DELETE", path),
  ];
  for (const answer of asked)
    assert.match(refused(answer, 422, "API_REMOVED").detail ?? "", /planet.*mars|mars.*planet/i);
  const [{ status } = { status: "" }] = await three.json<{ status: string }[]>("history", "gone");
  assert.equal(status, "deployed");
  await berth.kube.request({
    method: "POST",
    path: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    body: JSON.parse(await readFile(join(chart, "crds/planet.json"), "utf8")) as object,
  });
  // The API server takes a moment until it tells of it.
  await eventually("it is uninstalled", async () =>
    (await berth.request("DELETE", path)).status === 200 ? true : undefined,
  );
  refused(await berth.request("GET", path), 404, "RELEASE_NOT_FOUND");
  await berth.kube.request({ method: "DELETE", path: `/${pathOf(group)}` });
});

test("a release in a ConfigMap is found where no watch sees it, and not installed a second time", async () => {
  const three = helms.three("configmap");
  const chart = await berth.charts.write("unseen", { "templates/config.yaml": CONFIG_MAP });
  await three.run("install", "unseen", chart);
  await using narrow = await startTestBerth({ environment: { BERTH_WATCH_NAMESPACES: "kube-public" } });
  const path = `${berth.releases}/unseen`;
  const read = await narrow.request<ReleaseAnswer>("GET", path);
  assert.deepEqual([read.status, read.body.revision], [200, 1]);
  const body = { chart: { path: chart }, install_if_missing: true };
  const done = succeeded(await narrow.request<OperationAnswer>("PUT", path, body));
  assert.equal(done.result?.release?.revision, 2);
  assert.equal((await three.json<unknown[]>("history", "unseen")).length, 2);
  assert.equal((await helms.three("secret").json<unknown[]>("list", "-a", "--filter", "unseen")).length, 0);
  succeeded(await narrow.request<OperationAnswer>("DELETE", path));
  refused(await narrow.request("GET", path), 404, "RELEASE_NOT_FOUND");
});
