import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { READER, startRegistry } from "./support/registry.ts";
import type { TestRegistry } from "./support/registry.ts";

let berth: TestBerth;
let registry: TestRegistry;
let repository: Server;
let url: string;
/** Times that the repository gave its whole index. */
let whole = 0;
let unchanged = 0;

before(async () => {
  registry = await startRegistry("basic");
  repository = createServer((request, response) => void serve(request.url ?? "", request.headers, response));
  repository.listen(0, "127.0.0.1");
  await once(repository, "listening");
  url = `http://127.0.0.1:${String((repository.address() as AddressInfo).port)}`;
  const repositories = {
    stable: { url, ...READER },
    mirror: { url: `${url}/`, ...READER },
    registry: { url: `oci://${registry.host}/others`, plainHttp: true, ...READER },
    closed: { url: "http://127.0.0.1:1" },
  };
  berth = await startTestBerth({ config: { repositories } });
  const files = {
    "templates/config.yaml": CONFIG_MAP,
    "values.yaml": "# how many\nreplicas: 1\n",
    "values.schema.json": '{"type":"object"}',
    "README.md": "# Web\n\nA web server.\n",
    "crds/a.yaml":
      "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: as.example.com }\n",
  };
  for (const version of ["1.0.0", "1.1.0", "2.0.0-beta.1"]) {
    await pack(
      "web",
      files,
      `version: ${version}\nappVersion: "9"\ndescription: Serves pages\nkeywords: [http, pages]`,
    );
  }
  await pack("old-web", files, "version: 0.1.0\ndescription: Served pages\ndeprecated: true");
  await pack("store", files, "version: 3.0.0\ndescription: Keeps things\nkeywords: [database]");
  await berth.helm("repo", "index", berth.charts.path, "--url", url);
  const login = ["--username", READER.username, "--password", READER.password];
  for (const version of ["1.0.0", "1.1.0", "2.0.0-beta.1"]) {
    const archive = join(berth.charts.path, `web-${version}.tgz`);
    await berth.helm("push", archive, `oci://${registry.host}/charts`, "--plain-http", ...login);
  }
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  repository.close();
});

async function pack(name: string, files: Record<string, string>, metadata: string): Promise<void> {
  const chart = await berth.charts.write(name, files, metadata);
  await berth.helm("package", chart, "-d", berth.charts.path);
}

const ETAG = '"one"';

async function serve(
  path: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  response: ServerResponse,
): Promise<void> {
  if (headers.authorization !== `Basic ${Buffer.from(`${READER.username}:${READER.password}`).toString("base64")}`) {
    response.writeHead(401).end();
    return;
  }
  if (path === "/index.yaml" && headers["if-none-match"] === ETAG) {
    unchanged += 1;
    response.writeHead(304).end();
    return;
  }
  if (path === "/index.yaml") whole += 1;
  const content = await readFile(join(berth.charts.path, path)).catch(() => undefined);
  response.writeHead(content === undefined ? 404 : 200, { etag: ETAG }).end(content);
}

interface Found {
  readonly charts: readonly {
    readonly name: string;
    readonly newest: { readonly version: string };
    readonly versions: number;
  }[];
  readonly next_page_token: string;
  readonly total_size: number;
}

interface Versions {
  readonly versions: readonly {
    readonly version: string;
    readonly app_version: string;
    readonly created?: string;
    readonly digest: string;
  }[];
  readonly next_page_token: string;
  readonly total_size: number;
}

async function ask<T>(verb: string, body: unknown): Promise<T> {
  const answer = await berth.request<T>("POST", `/v1/charts:${verb}`, body);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}

test("charts are found by name, description, keyword and version, and the index is fetched once", async () => {
  const names = async (body: Record<string, unknown>) =>
    (await ask<Found>("search", { repository: "stable", ...body })).charts.map(({ name }) => name);
  assert.deepEqual(await names({}), ["store", "web"]);
  assert.deepEqual(await names({ include_deprecated: true }), ["old-web", "store", "web"]);
  assert.deepEqual(await names({ query: "PAGES http" }), ["web"]);
  assert.deepEqual(await names({ query: "database" }), ["store"]);
  assert.deepEqual(await names({ version: "^1" }), ["web"]);
  assert.deepEqual(await names({ query: "nothing like it" }), []);
  const { charts } = await ask<Found>("search", { repository: "stable", query: "web" });
  assert.deepEqual([charts[0]?.newest.version, charts[0]?.versions], ["1.1.0", 3]);
  const first = await ask<Found>("search", { repository: "stable", page_size: 1 });
  assert.deepEqual([first.charts.length, first.total_size], [1, 2]);
  assert.deepEqual(await names({ page_size: 1, page_token: first.next_page_token }), ["web"]);
  assert.deepEqual([whole, unchanged], [1, 0]);
  await names({ refresh: true });
  assert.deepEqual([whole, unchanged], [1, 1]);
});

test("a search without a repository is one in all of the configuration, and says which it could not ask", async () => {
  interface FoundInAll extends Found {
    readonly charts: readonly (Found["charts"][number] & { readonly repository: string })[];
    readonly unsearched: readonly { readonly repository: string; readonly code: string; readonly message: string }[];
  }
  const all = (body: Record<string, unknown>) => ask<FoundInAll>("search", body);
  const places = ({ charts }: FoundInAll) => charts.map(({ name, repository: from }) => `${from}/${name}`);
  const found = await all({});
  assert.deepEqual(places(found), ["mirror/store", "stable/store", "mirror/web", "stable/web"]);
  assert.deepEqual(
    found.unsearched.map((one) => [one.repository, one.code]),
    [
      ["closed", "CHART_FETCH_FAILED"],
      ["registry", "INVALID_ARGUMENT"],
    ],
  );
  assert.match(found.unsearched[1]?.message ?? "", /registry has no index/);
  assert.deepEqual(places(await all({ query: "database" })), ["mirror/store", "stable/store"]);
  assert.deepEqual(places(await all({ version: "^1" })), ["mirror/web", "stable/web"]);
  assert.deepEqual((await ask<Found>("search", { repository: "stable" })).total_size, 2);
  const paged: string[] = [];
  for (let page_token: string | undefined = ""; page_token !== undefined;) {
    const page: FoundInAll = await all({ page_size: 3, page_token });
    assert.equal(page.total_size, 4);
    paged.push(...places(page));
    page_token = page.next_page_token || undefined;
  }
  assert.deepEqual(paged, places(found));
});

test("versions come from the index with dates and digests, and from a registry by its tags", async () => {
  const { versions, total_size } = await ask<Versions>("versions", { chart: { name: "stable/web" } });
  assert.deepEqual(
    versions.map(({ version }) => version),
    ["2.0.0-beta.1", "1.1.0", "1.0.0"],
  );
  assert.equal(total_size, 3);
  assert.ok(
    versions.every(
      ({ created, digest, app_version }) =>
        created !== undefined && digest.startsWith("sha256:") && app_version === "9",
    ),
  );
  const chart = { url: `oci://${registry.host}/charts/web`, ...READER, access: { plain_http: true } };
  const first = await ask<Versions>("versions", { chart, page_size: 2 });
  assert.deepEqual([first.versions.map(({ version }) => version), first.total_size], [["2.0.0-beta.1", "1.1.0"], 3]);
  const last = await ask<Versions>("versions", { chart, page_size: 2, page_token: first.next_page_token });
  assert.deepEqual([last.versions.map(({ version }) => version), last.next_page_token], [["1.0.0"], ""]);
  const stable = await ask<Versions>("versions", { chart, version: ">=1.1" });
  assert.deepEqual(
    stable.versions.map(({ version }) => version),
    ["1.1.0"],
  );
});

test("a chart shows its metadata, README, values with comments, schema, definitions and files", async () => {
  interface Shown {
    readonly metadata: { readonly name: string; readonly keywords: string[] };
    readonly readme: string;
    readonly values_yaml: string;
    readonly schema_json: string;
    readonly crds: string[];
    readonly files: { readonly name: string; readonly size: string }[];
    readonly content: string;
  }
  for (const chart of [
    { name: "stable/web", version: "1.0.0" },
    { url: `oci://${registry.host}/charts/web:1.0.0`, ...READER, access: { plain_http: true } },
  ]) {
    const shown = await ask<Shown>("show", { chart, file: "templates/config.yaml" });
    assert.deepEqual(shown.metadata.keywords, ["http", "pages"]);
    assert.match(shown.readme, /A web server/);
    assert.equal(shown.values_yaml, "# how many\nreplicas: 1\n");
    assert.equal(shown.schema_json, '{"type":"object"}');
    assert.deepEqual(shown.crds, ["as.example.com"]);
    assert.ok(shown.files.some(({ name, size }) => name === "README.md" && Number(size) > 5));
    assert.equal(Buffer.from(shown.content, "base64").toString(), CONFIG_MAP);
  }
});

test("releases whose source has a newer version are listed, by range, and those nobody knows of are named", async () => {
  const chart = { url: `oci://${registry.host}/charts/web:1.0.0`, ...READER, access: { plain_http: true } };
  for (const body of [
    { name: "a-old", chart: { name: "stable/web", version: "1.0.0" } },
    { name: "b-current", chart: { name: "stable/web", version: "1.1.0" } },
    { name: "c-registry", chart },
    { name: "d-local", chart: { path: join(berth.charts.path, "store") } },
  ]) {
    succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { ...body, options: { skip_crds: true } }));
  }
  interface Outdated {
    readonly releases: readonly { name: string; newest: string; code: string; chart: { version: string } }[];
  }
  const list = async (query: string) => {
    const { status, body } = await berth.request<Outdated>("GET", `${berth.releases}:outdated${query}`);
    assert.equal(status, 200, JSON.stringify(body));
    return body.releases.map(({ name, newest, code }) => [name, newest, code]);
  };
  const unknown = [
    ["c-registry", "", "CHART_FETCH_FAILED"],
    ["d-local", "", "CHART_NOT_FOUND"],
  ];
  assert.deepEqual(await list(""), [["a-old", "1.1.0", ""], ...unknown]);
  assert.deepEqual(await list("?version=%3E%3D2.0.0-0"), [
    ["a-old", "2.0.0-beta.1", ""],
    ["b-current", "2.0.0-beta.1", ""],
    ...unknown,
  ]);
  assert.deepEqual(await list("?version=~1.0"), unknown);
});

test("what is not there is said", async () => {
  for (const [verb, body, status, code] of [
    ["search", { repository: "unknown" }, 404, "CHART_NOT_FOUND"],
    ["search", { repository: `oci://${registry.host}/charts` }, 400, "INVALID_ARGUMENT"],
    ["search", { repository: "registry" }, 400, "INVALID_ARGUMENT"],
    ["search", { username: "somebody" }, 400, "INVALID_ARGUMENT"],
    ["search", { access: { bearer_token: "secret" } }, 400, "INVALID_ARGUMENT"],
    ["search", { version: "not a range" }, 400, "INVALID_ARGUMENT"],
    ["search", { repository: "stable", version: "not a range" }, 400, "INVALID_ARGUMENT"],
    ["search", { repository: "stable", page_token: "x" }, 400, "INVALID_ARGUMENT"],
    ["search", { repository: "stable", page_token: "99999999999" }, 400, "INVALID_ARGUMENT"],
    ["search", { repository: url, username: "somebody" }, 503, "CHART_FETCH_FAILED"],
    ["versions", { chart: { name: "stable/none" } }, 404, "CHART_NOT_FOUND"],
    ["versions", { chart: { path: "/tmp" } }, 400, "INVALID_ARGUMENT"],
    ["show", { chart: { name: "stable/web" }, file: "../../etc/passwd" }, 404, "CHART_NOT_FOUND"],
  ] as const) {
    const answer = await berth.request<{ code: string }>("POST", `/v1/charts:${verb}`, body);
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify([verb, body, answer.body]));
  }
});
