import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { Answer, TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { READER, startRegistry } from "./support/registry.ts";
import type { TestRegistry } from "./support/registry.ts";

let berth: TestBerth;
let open: TestRegistry;
let basic: TestRegistry;
let token: TestRegistry;
/** Digest of the archive of version 1.0.0. */
let digest: string;

const VERSIONS = ["1.0.0", "1.2.0", "2.0.0-rc.1", "1.1.0+build.5"];
const access = { plain_http: true };
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

interface VersionsAnswer {
  readonly versions: readonly { readonly version: string }[];
  readonly next_page_token: string;
  readonly total_size: number;
}

before(async () => {
  [open, basic, token] = await Promise.all([startRegistry(), startRegistry("basic"), startRegistry("token")]);
  berth = await startTestBerth({
    config: { repositories: { private: { url: `oci://${basic.host}/charts`, plainHttp: true, ...READER } } },
  });
  for (const version of VERSIONS) {
    const chart = await berth.charts.write("demo", { "templates/config.yaml": CONFIG_MAP }, `version: ${version}`);
    await berth.helm("package", chart, "-d", berth.charts.path);
  }
  for (const { host } of [open, basic, token]) {
    const login = ["--username", READER.username, "--password", READER.password];
    for (const version of VERSIONS) {
      const archive = join(berth.charts.path, `demo-${version}.tgz`);
      await berth.helm("push", archive, `oci://${host}/charts`, "--plain-http", ...(host === open.host ? [] : login));
    }
  }
  const archive = await readFile(join(berth.charts.path, "demo-1.0.0.tgz"));
  digest = `sha256:${createHash("sha256").update(archive).digest("hex")}`;
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  for (const registry of [open, basic, token]) await registry[Symbol.asyncDispose]();
});

async function install(name: string, chart: unknown): Promise<ReleaseAnswer> {
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name, chart }));
  const map = await berth.object(`api/v1/namespaces/{ns}/configmaps/${name}-config`);
  assert.ok(map, "the chart's object is in the cluster");
  return (await berth.request<ReleaseAnswer>("GET", `${berth.releases}/${name}`)).body;
}

async function refused(chart: unknown): Promise<{ status: number; code: string; field: string; detail: string }> {
  const { status, body } = await berth.request<{ code: string; field: string; detail: string }>(
    "POST",
    berth.releases,
    {
      name: "refused",
      chart,
    },
  );
  return { status, code: body.code, field: body.field, detail: body.detail };
}

test("a version, a range and none are found among the tags as Helm finds them", async () => {
  const url = `oci://${open.host}/charts/demo`;
  for (const [name, given, version] of [
    ["exact", { url, version: "1.0.0" }, "1.0.0"],
    ["range", { url, version: "~1.1.0" }, "1.1.0+build.5"],
    ["newest", { url }, "1.2.0"],
    ["before", { url, version: ">=2.0.0-0" }, "2.0.0-rc.1"],
    ["plus", { url, version: "1.1.0+build.5" }, "1.1.0+build.5"],
    ["tagged", { url: `${url}:1.0.0` }, "1.0.0"],
    ["apart", { repository: `oci://${open.host}/charts`, name: "demo", version: "1.0.0" }, "1.0.0"],
    ["pinned", { url, version: "1.0.0", digest }, "1.0.0"],
  ] as const) {
    assert.equal((await install(name, { ...given, access })).chart?.version, version, name);
  }
});

test("a registry with a password and one with tokens are read with credentials, and refused without", async () => {
  const named = await install("named", { name: "private/demo", version: "1.0.0" });
  assert.equal(named.chart?.version, "1.0.0");
  for (const [name, host] of [
    ["by-password", basic.host],
    ["by-token", token.host],
  ] as const) {
    const chart = { url: `oci://${host}/charts/demo`, version: "1.2.0", access };
    await install(name, { ...chart, ...READER });
    const { status, code, detail } = await refused({ ...chart, ...READER, password: "a-wrong-one" });
    assert.deepEqual([status, code], [503, "CHART_FETCH_FAILED"]);
    assert.match(detail, /401/);
    assert.doesNotMatch(detail, /a-wrong-one/);
    assert.equal((await refused(chart)).code, "CHART_FETCH_FAILED");
  }
  assert.notEqual(token.tokens.length, 0, "the token server was asked");
});

test("what is not in the registry, and what is no chart, is said", async () => {
  const url = `oci://${open.host}/charts/demo`;
  assert.deepEqual(
    [await refused({ url, version: "9.9.9", access }), await refused({ url, version: "^9", access })].map((one) => [
      one.status,
      one.code,
      one.field,
    ]),
    [
      [404, "CHART_NOT_FOUND", "chart.version"],
      [404, "CHART_NOT_FOUND", "chart.version"],
    ],
  );
  assert.equal(
    (await refused({ url: `oci://${open.host}/charts/none`, version: "1.0.0", access })).code,
    "CHART_NOT_FOUND",
  );
  const mismatch = await refused({ url, version: "1.2.0", digest, access });
  assert.equal(mismatch.code, "CHART_DIGEST_MISMATCH");
  assert.equal((await refused({ url: "oci://nothing", access })).code, "INVALID_ARGUMENT");
  // Without plain_http a registry is spoken to over TLS alone.
  assert.equal((await refused({ url, version: "1.0.0" })).code, "CHART_FETCH_FAILED");
});

test("all pages of a registry's tags are read, and the answer has pages of its own", async () => {
  await using registry = await startRegistry("none", { REGISTRY_TAGS_MAXTAGS: "20" });
  const repository = `http://${registry.host}/v2/charts/demo`;
  await berth.helm("push", join(berth.charts.path, "demo-1.0.0.tgz"), `oci://${registry.host}/charts`, "--plain-http");
  const manifest = await fetch(`${repository}/manifests/1.0.0`, { headers: { accept: MANIFEST } });
  const body = await manifest.text();
  const headers = { "content-type": MANIFEST };
  for (const tag of [...Array.from({ length: 70 }, (_, i) => `2.${String(i)}.0`), "latest", "a-branch"]) {
    const { status } = await fetch(`${repository}/manifests/${tag}`, { method: "PUT", headers, body });
    assert.equal(status, 201);
  }
  const first = await fetch(`${repository}/tags/list?n=1000`);
  assert.equal(((await first.json()) as { tags: string[] }).tags.length, 20, "the registry has pages");

  const chart = { url: `oci://${registry.host}/charts/demo`, access };
  const found: string[] = [];
  const sizes: number[] = [];
  for (let page_token: string | undefined = ""; page_token !== undefined;) {
    const request = { chart, page_size: 30, page_token };
    const page: Answer<VersionsAnswer> = await berth.request("POST", "/v1/charts:versions", request);
    assert.deepEqual([page.status, page.body.total_size], [200, 71]);
    sizes.push(page.body.versions.length);
    found.push(...page.body.versions.map(({ version }) => version));
    page_token = page.body.next_page_token || undefined;
  }
  assert.deepEqual(sizes, [30, 30, 11]);
  assert.deepEqual(found, [...Array.from({ length: 70 }, (_, i) => `2.${String(69 - i)}.0`), "1.0.0"]);
  const ranged = await berth.request<VersionsAnswer>("POST", "/v1/charts:versions", { chart, version: "~2.69" });
  assert.deepEqual(ranged.body.versions, [{ ...ranged.body.versions[0], version: "2.69.0" }]);
});

test("the old dialect takes a chart of a registry by its URL, and of a named one", async () => {
  const { status, body } = await berth.request<{ status: string }>("POST", "/install", {
    chartName: "private/demo",
    releaseName: "old-style",
    version: "1.0.0",
  });
  assert.deepEqual([status, body.status], [200, "success"]);
});
