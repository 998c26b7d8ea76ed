import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { startReferrers } from "./support/referrers.ts";
import { startRegistry } from "./support/registry.ts";
import type { TestRegistry } from "./support/registry.ts";
import { SIGNER } from "./support/signer.ts";
import { signByBundle, signByTag } from "./support/signing.ts";

let berth: TestBerth;
let registry: TestRegistry;
/** The charts' repository as its API has it. */
let repository: string;

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

const access = { plain_http: true };
const VERSIONS = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0", "1.6.0"];
const archive = (version: string) => join(berth.charts.path, `demo-${version}.tgz`);
const chartOf = (version: string, host = registry.host) => ({ url: `oci://${host}/charts/demo`, version, access });

before(async () => {
  [registry, berth] = await Promise.all([startRegistry(), startTestBerth()]);
  repository = `http://${registry.host}/v2/charts/demo`;
  for (const version of VERSIONS) await push(version);
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

async function push(version: string, ...signing: string[]): Promise<void> {
  const chart = await berth.charts.write("demo", { "templates/config.yaml": CONFIG_MAP }, `version: ${version}`);
  await berth.helm("package", chart, "-d", berth.charts.path, ...signing);
  await berth.helm("push", archive(version), `oci://${registry.host}/charts`, "--plain-http");
}

/** Berth with keys of which one must have signed every chart. */
async function startStrict(keys: { keyring?: string | Buffer; cosign?: string }): Promise<TestBerth> {
  const verification: Record<string, string> = {};
  for (const [name, content] of Object.entries(keys)) {
    const file = join(berth.charts.path, name);
    await writeFile(file, content);
    verification[name === "keyring" ? "keyringFile" : "cosignKeyFile"] = file;
  }
  return startTestBerth({
    config: { verification, repositories: { open: { url: `oci://${registry.host}/charts`, plainHttp: true } } },
  });
}

/** Who has signed a chart, or the code of its refusal. */
async function signerOf(strict: TestBerth, chart: unknown): Promise<string> {
  const { body } = await strict.request<{ signed_by?: string; code?: string }>("POST", "/v1/charts:show", { chart });
  return body.code ?? body.signed_by ?? "";
}

const pem = (key: KeyObject) => key.export({ type: "spki", format: "pem" }).toString();
const ec = (namedCurve = "P-256") => generateKeyPairSync("ec", { namedCurve });

test("where charts have to be signed, one that nobody has signed is refused and nothing is done", async () => {
  await using strict = await startStrict({ keyring: PUBLIC_KEY });
  for (const chart of [{ name: "open/demo", version: "1.0.0" }, { path: archive("1.0.0") }]) {
    const { status, body } = await strict.request<{ code: string }>("POST", strict.releases, {
      name: "unsigned",
      chart,
    });
    assert.deepEqual([status, body.code], [422, "CHART_UNVERIFIED"]);
  }
  assert.equal(await strict.object("api/v1/namespaces/{ns}/configmaps/unsigned-config"), undefined);
  const { body } = await berth.request<{ code: string; field: string }>("POST", berth.releases, {
    name: "unsigned",
    chart: { ...chartOf("1.0.0"), verify: true },
  });
  assert.deepEqual([body.code, body.field], ["INVALID_ARGUMENT", "chart.verify"]);
});

test("a chart that a trusted cosign key has signed is verified, and no other", async () => {
  const { privateKey, publicKey } = ec();
  await signByTag(repository, "1.0.0", privateKey);
  await signByTag(repository, "1.1.0", ec().privateKey);
  await using strict = await startStrict({ cosign: pem(publicKey) });
  const body = { name: "cosigned", chart: chartOf("1.0.0") };
  succeeded(await strict.request<OperationAnswer>("POST", strict.releases, body));
  assert.match(await signerOf(strict, body.chart), /^cosign \([0-9a-f]{64}\)$/);
  for (const chart of [chartOf("1.1.0"), chartOf("1.2.0"), { path: archive("1.0.0") }]) {
    const answer = await strict.request<{ code: string }>("POST", strict.releases, { name: "unsigned", chart });
    assert.equal(answer.body.code, "CHART_UNVERIFIED", JSON.stringify(chart));
  }
});

test("a Sigstore bundle of a trusted key counts, found by a tag or by the referrers API", async () => {
  const keys = { p256: ec(), p384: ec("P-384"), ed25519: generateKeyPairSync("ed25519") };
  const trusted = Object.values(keys).map(({ publicKey }) => pem(publicKey));
  await signByBundle(repository, "1.2.0", ec().privateKey);
  await signByBundle(repository, "1.2.0", keys.p256.privateKey);
  await signByBundle(repository, "1.3.0", keys.p384.privateKey, { hash: "sha384" });
  await signByBundle(repository, "1.4.0", keys.ed25519.privateKey, { hash: null });
  await using strict = await startStrict({ cosign: trusted.join("") });
  const body = { name: "bundled", chart: chartOf("1.2.0") };
  succeeded(await strict.request<OperationAnswer>("POST", strict.releases, body));
  for (const version of ["1.2.0", "1.3.0", "1.4.0"]) {
    assert.match(await signerOf(strict, chartOf(version)), /^cosign \([0-9a-f]{64}\)$/, version);
  }
  await using front = await startReferrers(registry.host);
  assert.match(await signerOf(strict, chartOf("1.2.0", front.host)), /^cosign /);
  assert.equal(front.asked.length, 2, "two pages");
  assert.equal(await signerOf(strict, chartOf("1.6.0", front.host)), "CHART_UNVERIFIED");
});

test("a bundle of a stranger, of another chart or that is no signature does not count", async () => {
  const { privateKey, publicKey } = ec();
  await signByBundle(repository, "1.5.0", ec().privateKey);
  await signByBundle(repository, "1.5.0", privateKey, { digest: `sha256:${"0".repeat(64)}` });
  await signByBundle(repository, "1.5.0", privateKey, {
    predicateType: "https://cosign.sigstore.dev/attestation/vuln/v1",
  });
  await using strict = await startStrict({ cosign: pem(publicKey) });
  assert.equal(await signerOf(strict, chartOf("1.5.0")), "CHART_UNVERIFIED");
  await signByBundle(repository, "1.5.0", privateKey);
  assert.match(await signerOf(strict, chartOf("1.5.0")), /^cosign /);
});

test("a chart pushed with Helm's provenance is verified by it", async () => {
  const secret = join(berth.charts.path, "secret.gpg");
  await writeFile(secret, SIGNER.secret);
  await push("2.0.0", "--sign", "--key", SIGNER.name, "--keyring", secret);
  await using strict = await startStrict({ keyring: SIGNER.public });
  const body = { name: "proven", chart: { name: "open/demo", version: "2.0.0" } };
  succeeded(await strict.request<OperationAnswer>("POST", strict.releases, body));
  assert.match(await signerOf(strict, body.chart), /^Berth signing tests <signing@example.com> \([0-9a-f]{40}\)$/);
  await using stranger = await startStrict({ keyring: PUBLIC_KEY });
  assert.equal(await signerOf(stranger, body.chart), "CHART_UNVERIFIED");
});
