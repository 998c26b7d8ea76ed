import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";

import { hapiRelease, swift } from "@berth/contract";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT, SERVICE, hookJob, makeChartDirectory } from "./support/charts.ts";
import type { ChartDirectory } from "./support/charts.ts";
import { helm } from "./support/helm.ts";

/** A release as Swift's clients read it. */
interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly version: number;
  readonly manifest?: string;
  readonly info: { readonly status: { code: string; notes?: string; resources?: string }; Description?: string };
  readonly chart?: {
    readonly metadata: { name: string; version: string; keywords?: string[] };
    readonly templates?: readonly { name: string; data: string }[];
    readonly values?: { raw: string };
  };
  readonly chart_metadata?: { name: string; version: string };
  readonly config?: { raw?: string };
}
interface Reply {
  readonly release: Release;
  readonly releases?: readonly Release[];
  readonly error?: string;
  readonly code?: number;
  readonly details?: readonly { reason: string; metadata: { field?: string; hint: string } }[];
  readonly [field: string]: unknown;
}

let files: ChartDirectory;
let repository: Server;
let repositoryUrl: string;
let berth: TestBerth;

before(async () => {
  files = await makeChartDirectory();
  const kubeconfig = process.env.BERTH_TEST_CLUSTER ?? "";
  const templates = {
    "templates/config.yaml": CONFIG_MAP,
    "templates/service.yaml": SERVICE,
    "templates/NOTES.txt": "Hello {{ .Release.Name }}",
    "values.yaml": "value: none\n",
    "README.md": "# A chart that says something of itself",
  };
  for (const version of ["0.1.0", "0.2.0"]) {
    const chart = await files.write("zetcd", { ...templates, "Chart.yaml": chartYaml(version) });
    await helm(kubeconfig, "package", chart, "-d", files.path);
  }
  await helm(kubeconfig, "repo", "index", files.path);
  repository = createServer((request, response) => {
    const path = request.url ?? "";
    const isPrivate = path.startsWith("/private/");
    if (isPrivate && request.headers.authorization !== "Bearer let-me-in") return void response.writeHead(401).end();
    readFile(files.path + path.replace("/private", "")).then(
      (content) => response.end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => repository.listen(0, "127.0.0.1", resolve));
  repositoryUrl = `http://127.0.0.1:${String((repository.address() as AddressInfo).port)}`;
  berth = await startTestBerth({ config: { repositories: { stable: { url: repositoryUrl } } } });
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  repository.close();
  await files[Symbol.asyncDispose]();
});

function chartYaml(version: string): string {
  return `apiVersion: v2\nname: zetcd\nversion: ${version}\nappVersion: "3"\nkeywords: [etcd]\n`;
}

/** As curl sends it: `-d` makes every body a form's. */
async function curl(method: string, path: string, body?: object): Promise<{ status: number; body: Reply }> {
  const response = await fetch(`${berth.url}/tiller/v2${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" },
  });
  return { status: response.status, body: (await response.json()) as Reply };
}

test("the life of a release as its articles and guide have it", async () => {
  const { namespace } = berth;
  const installed = await curl("POST", "/releases/test-release/json", { chart_url: "stable/zetcd/0.1.0", namespace });
  assert.equal(installed.status, 200, JSON.stringify(installed.body));
  const { release } = installed.body;
  assert.deepEqual(
    [release.name, release.namespace, release.version, release.info.status.code],
    ["test-release", namespace, 1, "DEPLOYED"],
  );
  assert.equal(release.info.status.notes?.trim(), "Hello test-release");
  assert.deepEqual(release.chart?.metadata.keywords, ["etcd"]);
  assert.deepEqual(release.chart.templates?.map(({ name }) => name).sort(), [
    "templates/NOTES.txt",
    "templates/config.yaml",
    "templates/service.yaml",
  ]);
  assert.match(release.manifest ?? "", /name: test-release-config/);

  const raw = JSON.stringify({ value: "given" });
  const updated = await curl("PUT", "/releases/test-release/json", { chart_url: "stable/zetcd", values: { raw } });
  assert.deepEqual(
    [updated.body.release.version, updated.body.release.chart?.metadata.version],
    [2, "0.2.0"],
    JSON.stringify(updated.body),
  );
  const config = await berth.object<{ data: { value: string } }>(
    "api/v1/namespaces/{ns}/configmaps/test-release-config",
  );
  assert.equal(config?.data.value, "given");

  const content = await curl("GET", "/releases/test-release/content/json?format_values_as_json=true");
  assert.deepEqual(JSON.parse(content.body.release.config?.raw ?? ""), { value: "given" });
  const asYaml = await curl("GET", "/releases/test-release/content/json");
  assert.equal(asYaml.body.release.config?.raw, "value: given\n");
  assert.equal(asYaml.body.release.chart?.values?.raw, "value: none\n");

  const status = await curl("GET", "/releases/test-release/status/json");
  assert.match(
    (status.body.info as Release["info"]).status.resources ?? "",
    /==> v1\/Service\ntest-release-svc {2}Current/,
  );

  const history = await curl("GET", "/releases/test-release/json?max=10");
  assert.deepEqual(
    history.body.releases?.map(({ version, info }) => [version, info.status.code]),
    [
      [2, "DEPLOYED"],
      [1, "SUPERSEDED"],
    ],
  );

  const back = await curl("GET", "/releases/test-release/rollback/json?version=1");
  assert.deepEqual([back.body.release.version, back.body.release.chart?.metadata.version], [3, "0.1.0"]);
  assert.equal(
    (await berth.object<{ data: { value: string } }>("api/v1/namespaces/{ns}/configmaps/test-release-config"))?.data
      .value,
    "none",
  );

  const deleted = await curl("DELETE", "/releases/test-release/json");
  assert.equal(deleted.body.release.info.status.code, "DELETED");
  const kept = await curl("GET", `/releases/json?namespace=${namespace}&status_codes=DEPLOYED&&status_codes=DELETED`);
  assert.deepEqual(
    kept.body.releases?.map(({ name }) => name),
    ["test-release"],
  );
  assert.deepEqual((await curl("GET", `/releases/json?namespace=${namespace}`)).body.releases, undefined);
  const purged = await curl("DELETE", "/releases/test-release/json?purge=true");
  assert.equal(purged.body.release.info.status.code, "DELETED", JSON.stringify(purged.body));
  assert.equal((await curl("GET", "/releases/test-release/status/json")).status, 404);
  assert.deepEqual(await berth.helmJson("list"), []);
});

test("lists are filtered, sorted and paged", async () => {
  const { namespace } = berth;
  for (const name of ["list-b", "list-a", "list-c"]) {
    const { status } = await curl("POST", `/releases/${name}/json`, { chart_url: "stable/zetcd", namespace });
    assert.equal(status, 200);
  }
  const names = async (query: string) => {
    const { body } = await curl("GET", `/releases/json?namespace=${namespace}&filter=^list-&${query}`);
    return [body.releases?.map(({ name }) => name), body.next, body.total];
  };
  assert.deepEqual(await names(""), [["list-a", "list-b", "list-c"], undefined, "3"]);
  assert.deepEqual(await names("sort_by=NAME&sort_order=DESC"), [["list-c", "list-b", "list-a"], undefined, "3"]);
  assert.deepEqual(await names("sort_by=LAST_RELEASED"), [["list-b", "list-a", "list-c"], undefined, "3"]);
  assert.deepEqual(await names("limit=2"), [["list-a", "list-b"], "list-c", "3"]);
  assert.deepEqual(await names("limit=2&offset=list-c"), [["list-c"], undefined, "3"]);
  assert.deepEqual(await names("status_codes=FAILED"), [undefined, undefined, undefined]);
  const { body } = await curl("GET", `/releases/json?namespace=${namespace}&all=true`);
  assert.deepEqual([body.releases?.[0]?.chart_metadata?.name, body.releases?.length], ["zetcd", 3]);
  const broken = await curl("GET", "/releases/json?filter=(");
  assert.deepEqual([broken.status, broken.body.details?.[0]?.metadata.field], [400, "filter"]);
});

test("names are looked for in all namespaces, and refused where there are several", async () => {
  const other = `${berth.namespace}-b`;
  for (const namespace of [berth.namespace, other]) {
    await curl("POST", "/releases/twin/json", { chart_url: "stable/zetcd", namespace });
  }
  try {
    const refused = await curl("DELETE", "/releases/twin/json?purge=true");
    assert.equal(refused.status, 400);
    assert.match(refused.body.details?.[0]?.metadata.hint ?? "", new RegExp(`${berth.namespace}, ${other}`));
    const first = await curl("GET", `/releases/twin/status/json?namespace=${other}`);
    assert.equal(first.body.namespace, other);
    assert.equal((await curl("DELETE", `/releases/twin/json?purge=true&namespace=${other}`)).status, 200);
    assert.equal((await curl("GET", "/releases/twin/status/json")).body.namespace, berth.namespace);
  } finally {
    await berth.kube.request({ method: "DELETE", path: `/api/v1/namespaces/${other}` });
  }
});

test("an archive is fetched with a token, its chart waits, hooks and dry runs are as asked", async () => {
  const { namespace } = berth;
  const chart_url = `${repositoryUrl}/private/zetcd-0.1.0.tgz`;
  const refused = await curl("POST", "/releases/private/json", { chart_url, namespace });
  assert.equal(refused.body.details?.[0]?.reason, "CHART_FETCH_FAILED", JSON.stringify(refused.body));
  const dry = await curl("POST", "/releases/private/json", { chart_url, namespace, token: "let-me-in", dry_run: true });
  assert.match(dry.body.release.manifest ?? "", /private-config/);
  assert.equal((await curl("GET", `/releases/private/status/json?namespace=${namespace}`)).status, 404);
  const installed = await curl("POST", "/releases/private/json", { chart_url, namespace, token: "let-me-in" });
  assert.equal(installed.body.release.info.status.code, "DEPLOYED");

  const path = await berth.charts.write("hooked", {
    "templates/app.yaml": DEPLOYMENT,
    "templates/hook.yaml": hookJob("hook", "pre-install", true),
  });
  const failed = await curl("POST", "/releases/hooked/json", { chart_url: path, namespace });
  assert.match(failed.body.error ?? "", /hooked-hook/);
  assert.equal(failed.body.code, 9);
  const without = { chart_url: path, namespace, disable_hooks: true, wait: true, timeout: 60 };
  await curl("DELETE", "/releases/hooked/json?purge=true");
  assert.equal((await curl("POST", "/releases/hooked/json", without)).body.release.info.status.code, "DEPLOYED");
});

test("what cannot be done is said with code, field and hint", async () => {
  const cases: readonly (readonly [string, string, object | undefined, number, string, string | undefined])[] = [
    ["GET", "/releases/none/status/json", undefined, 404, "RELEASE_NOT_FOUND", undefined],
    ["GET", "/nothing", undefined, 404, "ROUTE_NOT_FOUND", undefined],
    ["PATCH", "/releases/json", undefined, 405, "METHOD_NOT_ALLOWED", undefined],
    ["POST", "/releases/x/json", {}, 400, "INVALID_ARGUMENT", "chart_url"],
    ["POST", "/releases/x/json", { chart_url: "zetcd" }, 400, "INVALID_ARGUMENT", "chart_url"],
    ["POST", "/releases/x/json", { chart: {} }, 400, "INVALID_ARGUMENT", "chart"],
    ["POST", "/releases/x/json", { chart_url: "stable/zetcd", nothing: 1 }, 400, "UNKNOWN_FIELD", "nothing"],
    ["POST", "/releases/Bad_Name/json", { chart_url: "stable/zetcd" }, 400, "INVALID_ARGUMENT", "name"],
    ["POST", "/releases/x/json", { chart_url: "stable/zetcd", namespace: "A" }, 400, "INVALID_ARGUMENT", "namespace"],
    ["POST", "/releases/x/json", { chart_url: "stable/zetcd", timeout: -1 }, 400, "INVALID_ARGUMENT", "timeout"],
    [
      "PUT",
      "/releases/list-a/json",
      { chart_url: "stable/zetcd", recreate: true },
      400,
      "INVALID_ARGUMENT",
      "recreate",
    ],
  ];
  for (const [method, path, body, status, reason, field] of cases) {
    const answer = await curl(method, path, body);
    const [detail] = answer.body.details ?? [];
    assert.deepEqual(
      [answer.status, detail?.reason, detail?.metadata.field],
      [status, reason, field],
      `${method} ${path}`,
    );
    assert.ok((detail?.metadata.hint ?? "") !== "" && answer.body.error !== "", path);
  }
  const text = await fetch(`${berth.url}/tiller/v2/releases/x/json`, { method: "POST", body: "no json" });
  assert.equal(text.status, 400);
  assert.match(((await curl("GET", "/version/json")).body.Version as { sem_ver: string }).sem_ver, /^v\d+\.\d+\.\d+/);
});

test("its gRPC service answers as REST does", async () => {
  const client = createClient(swift.ReleaseService, createGrpcTransport({ baseUrl: berth.url }));
  const { namespace } = berth;
  const installed = await client.installRelease({ name: "by-grpc", namespace, chartUrl: "stable/zetcd" });
  assert.equal(installed.release?.info?.status?.code, hapiRelease.Status_Code.DEPLOYED);
  const unnamed = await client.installRelease({ namespace, chartUrl: "stable/zetcd" });
  assert.match(unnamed.release?.name ?? "", /^zetcd-/);
  const list = await client.summarizeReleases({ namespace, filter: "^by-" });
  assert.deepEqual(
    list.releases.map(({ name, version }) => [name, version]),
    [["by-grpc", 1]],
  );
  const gone = await client.uninstallRelease({ name: "by-grpc", purge: true });
  assert.equal(gone.release?.info?.status?.code, hapiRelease.Status_Code.DELETED);
  const missing = await client.getReleaseContent({ name: "by-grpc" }).catch((error: unknown) => error);
  assert.ok(missing instanceof ConnectError);
  assert.equal(missing.metadata.get("berth-code"), "RELEASE_NOT_FOUND");
});

test("its old port is a second way to the same server, and closes with it", async () => {
  await using own = await startTestBerth({ environment: { BERTH_SWIFT_PORT: "0" } });
  assert.ok(own.swiftUrl !== undefined && own.swiftUrl !== own.url);
  const path = "/tiller/v2/version/json";
  const read = async (url: string) => (await fetch(url + path)).json();
  assert.deepEqual(await read(own.swiftUrl), await read(own.url));
  const client = createClient(swift.ReleaseService, createGrpcTransport({ baseUrl: own.swiftUrl }));
  assert.match((await client.getVersion({})).Version?.semVer ?? "", /^v/);
  // Who is idle there is not waited for.
  const idle = connect(Number(new URL(own.swiftUrl).port), "127.0.0.1");
  idle.on("error", () => undefined);
  await once(idle, "connect");
  const begun = Date.now();
  await own.close(20_000);
  assert.ok(Date.now() - begun < 5_000);
  await assert.rejects(fetch(own.swiftUrl + path));
});
