import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { failed, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, hookJob } from "./support/charts.ts";

let berth: TestBerth;

before(async () => {
  berth = await startTestBerth();
});
after(() => berth[Symbol.asyncDispose]());

interface Metadata {
  readonly revision: number;
  readonly status: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Asserts that a revision says what it was made from, by whom and for what: to GET, and to helm. */
async function carries(name: string, operation: OperationAnswer, source: string): Promise<ReleaseAnswer> {
  const release = operation.result?.release;
  assert.ok(release, JSON.stringify(operation.error));
  const { revision, provenance } = release;
  const { "chart-digest": digest = "", ...rest } = provenance;
  assert.deepEqual(rest, { actor: "loopback", operation: operation.id, "chart-source": source });
  assert.match(digest, /^sha256:[0-9a-f]{64}$/);
  const read = await berth.request<ReleaseAnswer>("GET", `${berth.releases}/${name}?revision=${String(revision)}`);
  assert.deepEqual([read.body.provenance, read.body.operation_id], [provenance, operation.id]);
  const history = await berth.request<{ revisions: ReleaseAnswer[] }>("GET", `${berth.releases}/${name}/history`);
  assert.deepEqual(history.body.revisions.find((one) => one.revision === revision)?.provenance, provenance);
  const helm = await berth.helmJson<Metadata>("get", "metadata", name, "--revision", String(revision));
  const own = Object.entries(helm.annotations).map(([key, value]) => [key.replace(/^berth\.dev\//, ""), value]);
  assert.deepEqual(Object.fromEntries(own), { ...provenance, revision: String(revision), "example.com/own": "kept" });
  return release;
}

async function write(path: string, method: string, body: unknown): Promise<OperationAnswer> {
  return succeeded(await berth.request<OperationAnswer>(method, `${berth.releases}${path}`, body));
}

test("every revision that Berth writes says what it was made from, by whom and for which operation", async () => {
  // What a chart says of itself under Berth's prefix is no provenance.
  const metadata = (version: string) =>
    `version: ${version}\nannotations:\n  example.com/own: kept\n  berth.dev/actor: root\n  berth.dev/approved: "yes"`;
  const files = { "templates/config.yaml": CONFIG_MAP };
  const one = { path: await berth.charts.write("one", files, metadata("1.0.0")) };
  const two = { path: await berth.charts.write("two", files, metadata("2.0.0")) };

  const installed = await carries("kept", await write("", "POST", { name: "kept", chart: one }), "local");
  const second = await carries("kept", await write("/kept", "PUT", { chart: two }), "local");
  assert.notEqual(second.provenance["chart-digest"], installed.provenance["chart-digest"]);
  const back = await carries("kept", await write("/kept:rollback", "POST", { revision: 1 }), "local");
  assert.equal(back.revision, 3);
  assert.equal(
    back.provenance["chart-digest"],
    installed.provenance["chart-digest"],
    "the digest is that of its chart",
  );
  const listed = await berth.request<{ releases: ReleaseAnswer[] }>("GET", `${berth.releases}?filter=kept`);
  assert.deepEqual(listed.body.releases[0]?.provenance, back.provenance);
  const history = await berth.helmJson<{ revision: number; status: string }[]>("history", "kept");
  assert.deepEqual(
    history.map(({ revision, status }) => [revision, status]),
    [
      [1, "superseded"],
      [2, "superseded"],
      [3, "deployed"],
    ],
  );
});

test("what fails, its repetition, and what follows a failure carry it too", async () => {
  const annotations = "version: 1.0.0\nannotations: { example.com/own: kept }";
  const hooked = (failing: boolean) => ({
    "templates/config.yaml": CONFIG_MAP,
    "templates/hook.yaml": hookJob("hook", "pre-install,pre-upgrade", failing),
  });
  const chart = { path: await berth.charts.write("again", hooked(true), annotations) };
  const options = { timeout: "20s" };
  const body = { name: "again", chart, options, policy: { retries: 1 } };
  const answer = await berth.request<OperationAnswer>("POST", berth.releases, body);
  failed(answer, "HOOK_FAILED");
  assert.equal(answer.body.attempts, 2);
  const { revision, status } = await carries("again", answer.body, "local");
  assert.deepEqual([revision, status], [2, "failed"]);

  await berth.charts.write("again", hooked(false), annotations);
  await carries("again", await write("/again", "PUT", { chart, options }), "local");
  await berth.charts.write("again", hooked(true), annotations);
  const policy = { remediation: "REMEDIATION_ROLLBACK" };
  const remedied = await berth.request<OperationAnswer>("PUT", `${berth.releases}/again`, { chart, options, policy });
  failed(remedied, "HOOK_FAILED");
  const newest = await carries("again", remedied.body, "local");
  assert.equal(newest.status, "deployed");
  assert.match(newest.description, /Rollback/);
});

test("what the helm command line writes is not said to be Berth's", async () => {
  const chart = { path: await berth.charts.write("mixed", { "templates/config.yaml": CONFIG_MAP }) };
  const first = await write("", "POST", { name: "mixed", chart });
  await write("/mixed", "PUT", { chart, values: { value: "two" } });
  // Helm copies the labels and the chart of the revision that it goes back to.
  await berth.helm("rollback", "mixed", "1");
  const { body } = await berth.request<ReleaseAnswer>("GET", `${berth.releases}/mixed`);
  const { "chart-source": source, "chart-digest": digest } = first.result?.release?.provenance ?? {};
  assert.deepEqual(
    [body.revision, body.operation_id, body.provenance],
    [3, "", { "chart-source": source, "chart-digest": digest }],
  );
  const listed = await berth.request<{ releases: ReleaseAnswer[] }>("GET", `${berth.releases}?filter=mixed`);
  const { operation_id, provenance } = listed.body.releases[0] ?? {};
  assert.deepEqual([operation_id, provenance], ["", body.provenance]);
});
