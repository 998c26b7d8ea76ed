import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createAuthority, issue } from "@berth/devcluster";
import type { KeyPairPem } from "@berth/devcluster";

import { refused, succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP } from "./support/charts.ts";
import { startRepository } from "./support/repository.ts";
import type { RepositoryOptions, TestRepository } from "./support/repository.ts";

let berth: TestBerth;
let authority: KeyPairPem;
let stranger: KeyPairPem;
let server: KeyPairPem;
let client: KeyPairPem;

before(async () => {
  berth = await startTestBerth();
  const chart = await berth.charts.write("demo", { "templates/config.yaml": CONFIG_MAP });
  await berth.helm("package", chart, "-d", berth.charts.path);
  await berth.helm("repo", "index", berth.charts.path);
  [authority, stranger] = await Promise.all([createAuthority("ours"), createAuthority("theirs")]);
  server = await issue(authority, { commonName: "repository", hosts: ["127.0.0.1"], usages: ["server"] });
  client = await issue(authority, { commonName: "berth", usages: ["client"] });
});
after(() => berth[Symbol.asyncDispose]());

const serve = (options: RepositoryOptions = {}): Promise<TestRepository> =>
  startRepository(berth.charts.path, { ...server, ...options });

type Access = Readonly<Record<string, string | boolean>>;
const chartOf = ({ url }: TestRepository, access: Access) => ({ repository: url, name: "demo", access });

async function installed(name: string, chart: unknown): Promise<void> {
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name, chart }));
  assert.ok(await berth.object(`api/v1/namespaces/{ns}/configmaps/${name}-config`));
}

/** Asserts that a chart is refused, with these words, and gives the whole answer as text. */
async function unreachable(chart: unknown, words: RegExp): Promise<string> {
  const answer = await berth.request("POST", berth.releases, { name: "refused", chart });
  assert.match(refused(answer, 503, "CHART_FETCH_FAILED", "chart").detail ?? "", words);
  return JSON.stringify(answer.body);
}

test("a repository of a private authority is trusted by its CA, by none other, or blindly", async () => {
  await using repository = await serve();
  await installed("by-ca", chartOf(repository, { certificate_authority: authority.cert }));
  await installed("blindly", chartOf(repository, { insecure_skip_tls_verify: true }));
  await unreachable(chartOf(repository, {}), /certificate signed by unknown authority/);
  await unreachable(chartOf(repository, { certificate_authority: stranger.cert }), /unknown authority/);
  await unreachable({ url: `${repository.url}/demo-1.0.0.tgz` }, /unknown authority/);
  await unreachable(
    chartOf(
      { ...repository, url: repository.url.replace("127.0.0.1", "localhost") },
      {
        certificate_authority: authority.cert,
      },
    ),
    /not valid for any names/,
  );
  for (const [access, field] of [
    [{ certificate_authority: "no PEM" }, "chart.access.certificate_authority"],
    [{ client_certificate: client.cert, client_key: server.key }, "chart.access.client_certificate"],
  ] as const) {
    const chart = chartOf(repository, access);
    refused(await berth.request("POST", berth.releases, { name: "refused", chart }), 400, "INVALID_ARGUMENT", field);
  }
});

test("a repository that demands a client certificate is shown one", async () => {
  await using repository = await serve({ ca: authority.cert, requestCert: true, rejectUnauthorized: true });
  const trusting = { certificate_authority: authority.cert };
  const shown = { ...trusting, client_certificate: client.cert, client_key: client.key };
  await installed("by-client", chartOf(repository, shown));
  assert.ok(repository.seen.length >= 2 && repository.seen.every((one) => one.client === "berth"));
  const search = { repository: repository.url, access: shown };
  assert.equal((await berth.request("POST", "/v1/charts:search", search)).status, 200);
  await unreachable(chartOf(repository, trusting), /tls: certificate required/);
  const other = await issue(stranger, { commonName: "berth", usages: ["client"] });
  const text = await unreachable(
    chartOf(repository, { ...trusting, client_certificate: other.cert, client_key: other.key }),
    /tls: /,
  );
  assert.doesNotMatch(text, /PRIVATE KEY/);
});

const TOKEN = "a-very-secret-token";

test("a bearer token is shown to the repository, and is in no error", async () => {
  await using repository = await serve({ authorization: `Bearer ${TOKEN}` });
  const trusting = { certificate_authority: authority.cert };
  await installed("by-bearer", chartOf(repository, { ...trusting, bearer_token: TOKEN }));
  await unreachable(chartOf(repository, trusting), /401/);
  const text = await unreachable(chartOf(repository, { ...trusting, bearer_token: `${TOKEN}-old` }), /401/);
  assert.doesNotMatch(text, new RegExp(TOKEN));
});

test("credentials do not follow a redirect to another host", async () => {
  const asking = { ca: authority.cert, requestCert: true, rejectUnauthorized: false };
  await using other = await serve(asking);
  await using repository = await serve({ ...asking, authorization: `Bearer ${TOKEN}`, redirect: other.url });
  const secret = { bearer_token: TOKEN, client_certificate: client.cert, client_key: client.key };
  for (const [name, pass_credentials] of [
    ["redirected", false],
    ["passing", true],
  ] as const) {
    other.seen.length = 0;
    const access = { ...secret, certificate_authority: authority.cert, pass_credentials };
    await installed(name, chartOf(repository, access));
    assert.deepEqual(
      other.seen.map((one) => one.path),
      ["/index.yaml", "/demo-1.0.0.tgz"],
    );
    for (const one of other.seen) assert.deepEqual([one.authorization, one.client], [undefined, undefined]);
  }
  assert.ok(repository.seen.every((one) => one.client === "berth"));
});
