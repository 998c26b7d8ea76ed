import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { READER, startRegistry } from "./support/registry.ts";
import type { TestRegistry } from "./support/registry.ts";

let berth: TestBerth;
let open: TestRegistry;
let basic: TestRegistry;
let token: TestRegistry;
/** Digest of the archive of version 1.0.0. */
let digest: string;

/** A key that has signed nothing. */
const PUBLIC_KEY = `-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawFvEBYJKwYBBAHaRw8BAQdAPCsrFztjVk26Kq/satIsbOxIOz7XPgRjcXef
I/+Lj/C0H0JlcnRoIHRlc3RzIDx0ZXN0c0BleGFtcGxlLmNvbT6IkAQTFggAOBYh
BNckmL6s/ue9fdcUg/Ql4V6JmLR2BQJrAW8QAhsDBQsJCAcCBhUKCQgLAgQWAgMB
Ah4BAheAAAoJEPQl4V6JmLR2G4AA/0yPGNCWjs/IMhHzv/nMTVHrYWekDnSmTlZB
J5E197XBAQDpvEBR8TC1ksD5SptYc2i1D6HoPW80MOggOvh4fHJkAw==
=GQ03
-----END PGP PUBLIC KEY BLOCK-----
`;

const VERSIONS = ["1.0.0", "1.2.0", "2.0.0-rc.1", "1.1.0+build.5"];
const access = { plain_http: true };

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

test("the old dialect takes a chart of a registry by its URL, and of a named one", async () => {
  const { status, body } = await berth.request<{ status: string }>("POST", "/install", {
    chartName: "private/demo",
    releaseName: "old-style",
    version: "1.0.0",
  });
  assert.deepEqual([status, body.status], [200, "success"]);
});

test("where charts have to be signed, one that nobody has signed is refused and nothing is done", async () => {
  const keyringFile = join(berth.charts.path, "keyring.asc");
  await writeFile(keyringFile, PUBLIC_KEY);
  const config = {
    verification: { keyringFile },
    repositories: { open: { url: `oci://${open.host}/charts`, plainHttp: true } },
  };
  await using strict = await startTestBerth({ config });
  for (const chart of [{ name: "open/demo" }, { path: join(berth.charts.path, "demo-1.0.0.tgz") }]) {
    const { status, body } = await strict.request<{ code: string }>("POST", strict.releases, {
      name: "unsigned",
      chart,
    });
    assert.deepEqual([status, body.code], [422, "CHART_UNVERIFIED"]);
  }
  assert.equal(await strict.object("api/v1/namespaces/{ns}/configmaps/unsigned-config"), undefined);
  const { body } = await berth.request<{ code: string; field: string }>("POST", berth.releases, {
    name: "unsigned",
    chart: { url: `oci://${open.host}/charts/demo`, access, verify: true },
  });
  assert.deepEqual([body.code, body.field], ["INVALID_ARGUMENT", "chart.verify"]);
});

test("a chart that a trusted cosign key has signed is verified, and no other", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  await cosign("1.0.0", privateKey);
  await cosign("1.2.0", other);
  const cosignKeyFile = join(berth.charts.path, "cosign.pub");
  await writeFile(cosignKeyFile, publicKey.export({ type: "spki", format: "pem" }));
  const config = { verification: { cosignKeyFile } };
  await using strict = await startTestBerth({ config });
  const url = `oci://${open.host}/charts/demo`;
  const body = { name: "cosigned", chart: { url, version: "1.0.0", access } };
  succeeded(await strict.request<OperationAnswer>("POST", strict.releases, body));
  const shown = await strict.request<{ signed_by: string }>("POST", "/v1/charts:show", { chart: body.chart });
  assert.match(shown.body.signed_by, /^cosign \([0-9a-f]{64}\)$/);
  for (const chart of [
    { url, version: "1.2.0", access },
    { url, version: "1.1.0+build.5", access },
    { path: join(berth.charts.path, "demo-1.0.0.tgz") },
  ]) {
    const answer = await strict.request<{ code: string }>("POST", strict.releases, { name: "unsigned", chart });
    assert.equal(answer.body.code, "CHART_UNVERIFIED", JSON.stringify(chart));
  }
});

/** Puts into the open registry what `cosign sign --key` puts there. */
async function cosign(version: string, key: KeyObject): Promise<void> {
  const repository = `http://${open.host}/v2/charts/demo`;
  const type = "application/vnd.oci.image.manifest.v1+json";
  const head = await fetch(`${repository}/manifests/${version}`, { method: "HEAD", headers: { accept: type } });
  const signed = head.headers.get("docker-content-digest") ?? "";
  const payload = JSON.stringify({
    critical: {
      identity: { "docker-reference": `${open.host}/charts/demo` },
      image: { "docker-manifest-digest": signed },
      type: "cosign container image signature",
    },
    optional: null,
  });
  const put = async (content: string, mediaType: string) => {
    const contentDigest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    const upload = await fetch(`${repository}/blobs/uploads/`, { method: "POST" });
    const target = new URL(upload.headers.get("location") ?? "", repository);
    target.searchParams.set("digest", contentDigest);
    const stored = await fetch(target, { method: "PUT", body: content });
    assert.equal(stored.status, 201);
    return { mediaType, digest: contentDigest, size: Buffer.byteLength(content) };
  };
  const layer = await put(payload, "application/vnd.dev.cosign.simplesigning.v1+json");
  const signature = sign("sha256", Buffer.from(payload), key).toString("base64");
  const manifest = {
    schemaVersion: 2,
    mediaType: type,
    config: await put("{}", "application/vnd.oci.image.config.v1+json"),
    layers: [{ ...layer, annotations: { "dev.cosignproject.cosign/signature": signature } }],
  };
  const stored = await fetch(`${repository}/manifests/${signed.replace(":", "-")}.sig`, {
    method: "PUT",
    headers: { "content-type": type },
    body: JSON.stringify(manifest),
  });
  assert.equal(stored.status, 201);
}
