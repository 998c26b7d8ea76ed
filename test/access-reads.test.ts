import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";

import type { Answer, TestBerth } from "./support/berth.ts";
import { startTestBerth } from "./support/berth.ts";
import { succeeded } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { callCli } from "./support/cli.ts";
import { eventually } from "./support/exposures.ts";
import { grant } from "./support/rights.ts";

/*
 * What is read of one release by somebody who may read releases, but not the
 * Secrets of its namespace: real subjects, real RBAC.
 */

type Three = [string, string, string];

const suffix = randomBytes(3).toString("hex");
/** What nobody without the right may see in any answer, as text or in base64. */
const [OLD, NEW, OTHER] = ["old", "new", "other"].map((word) => `${word}-password-${suffix}`) as [
  string,
  string,
  string,
];
const SECRETS = [OLD, NEW, OTHER].flatMap((text) => [text, Buffer.from(text).toString("base64")]);

const CHART = `
apiVersion: v1
kind: Secret
metadata: { name: {{ .Release.Name }} }
stringData: { password: {{ .Values.auth.password | quote }}, port: "5432" }
---
apiVersion: v1
kind: Secret
metadata: { name: {{ .Release.Name }}-far, namespace: {{ .Values.far }} }
data: { password: {{ .Values.other | b64enc }} }
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}-hook
  annotations: { helm.sh/hook: pre-install }
stringData: { password: {{ .Values.auth.password | quote }} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }} }
data: { size: {{ .Values.size | quote }} }
`;

let berth: TestBerth;
let chart: string;
/** May read and write releases alone; may read Secrets, too; and those of the other namespace as well. */
let writer: string;
let owner: string;
let everywhere: string;

before(async () => {
  berth = await startTestBerth();
  const far = berth.home;
  const releases = { apiGroup: "berth.dev", resource: "releases", verbs: ["get", "list", "create", "update"] };
  // What an upgrade's dry run does is done as the caller.
  const objects = { apiGroup: "", resource: "configmaps", verbs: ["get", "create", "patch"] };
  const secrets = { apiGroup: "", resource: "secrets", verbs: ["get"] };
  const [writes, owns, all] = ["writer", "owner", "everywhere"].map((name) => `${name}-${suffix}`) as Three;
  for (const user of [writes, owns, all]) await grant(berth.kube, berth.namespace, user, releases, objects);
  for (const user of [owns, all]) await grant(berth.kube, berth.namespace, user, secrets);
  await grant(berth.kube, far, all, secrets);
  chart = await berth.charts.write("guarded", { "templates/all.yaml": CHART, "values.yaml": "size: 1\nauth: {}\n" });
  const values = { auth: { password: OLD, users: ["bob", OLD] }, far, other: OTHER, size: 2, on: true, nothing: null };
  succeeded(
    await berth.request<OperationAnswer>("POST", berth.releases, { name: "it", chart: { path: chart }, values }),
  );
  const next = { ...values, auth: { password: NEW, users: ["bob", OLD] } };
  const put = { chart: { path: chart }, values: next };
  succeeded(await berth.request<OperationAnswer>("PUT", `${berth.releases}/it`, put));
  [writer, owner, everywhere] = (await Promise.all(
    ["writer", "owner", "everywhere"].map((name) =>
      berth.as({ name: `${name}-${suffix}`, groups: [], source: "user" }),
    ),
  )) as Three;
  await eventually("RBAC knows them", async () => {
    const answers = [
      await ask(writer, "it/values"),
      await ask(owner, "it/values"),
      await ask(everywhere, "it/manifest"),
    ];
    return answers.every(({ status }) => status === 200) ? true : undefined;
  });
});
after(() => berth[Symbol.asyncDispose]());

interface Answered {
  readonly redacted?: boolean;
  readonly values?: Record<string, unknown>;
  readonly values_yaml?: string;
  readonly manifest?: string;
  readonly values_diff?: string;
  readonly hooks?: readonly { readonly manifest: string }[];
  readonly objects?: readonly { readonly change: string }[];
  readonly code?: string;
}

async function ask(url: string, path: string, body?: object): Promise<Answer<Answered>> {
  const method = body === undefined ? "GET" : "POST";
  const headers = { "content-type": "application/json" };
  const init = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) };
  const answer = await fetch(`${url}${path.startsWith("/") ? path : `${berth.releases}/${path}`}`, init);
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Answered };
}

/** Asks, and sees that nothing is told. */
async function asWriter(path: string, body?: object): Promise<Answered> {
  const answer = await ask(writer, path, body);
  const text = JSON.stringify(answer.body);
  assert.equal(answer.status, 200, text);
  for (const secret of SECRETS) assert.ok(!text.includes(secret), `${path}: ${text}`);
  return answer.body;
}

test("values keep their form, and nothing of their content", async () => {
  const { values, values_yaml: yaml, redacted } = await asWriter("it/values");
  const hidden = "(redacted)";
  assert.deepEqual(values, {
    ...{ auth: { password: hidden, users: [hidden, hidden] }, far: hidden },
    ...{ nothing: null, on: hidden, other: hidden, size: hidden },
  });
  assert.equal(redacted, true);
  assert.match(yaml ?? "", /^ {2}password: \(redacted\)$/m);
  assert.equal((await asWriter("it/values?computed=true")).redacted, true);
  assert.equal((await asWriter("it/values?revision=1")).redacted, true);
});

test("of a manifest the data of Secrets is hidden, and nothing else", async () => {
  const { manifest = "", redacted } = await asWriter("it/manifest");
  assert.equal(redacted, true);
  assert.match(manifest, /size: "2"/);
  assert.equal(manifest.match(/password: \(redacted\)/g)?.length, 2);
  const { hooks, redacted: isHidden } = await asWriter("it/hooks");
  assert.equal(isHidden, true);
  assert.match(hooks?.[0]?.manifest ?? "", /password: \(redacted\)/);
});

test("a comparison says what has changed without saying what it is", async () => {
  const {
    values,
    manifest = "",
    objects,
    redacted,
  } = (await asWriter("it/diff")) as unknown as {
    values: string;
  } & Omit<Answered, "values">;
  assert.match(values, /^\+ {2}password: \(redacted, changed\)$/m);
  assert.doesNotMatch(values, /^[+-] *users/m);
  assert.match(manifest, /^\+ {2}password: \(redacted, changed\)$/m);
  assert.deepEqual([redacted, objects?.map(({ change }) => change)], [true, ["changed"]]);
  assert.equal((await asWriter("it:check")).objects?.length, 3);
});

test("a plan and a dry run tell no stored value, and a comparison with a chart needs them", async () => {
  const upgrade = {
    chart: { path: chart },
    values: { auth: { password: "mine" } },
    values_reuse: "VALUES_REUSE_REUSE",
  };
  const planned = await asWriter("it:plan", upgrade);
  assert.equal(planned.redacted, true);
  assert.match(planned.values_diff ?? "", /\(redacted, changed\)/);
  const compared = await ask(writer, "it:compareValues", { chart: { path: chart } });
  assert.deepEqual([compared.status, compared.body.code], [403, "FORBIDDEN"], JSON.stringify(compared.body));
});

test("Swift's content tells nothing either", async () => {
  const path = `/tiller/v2/releases/it/content/json?namespace=${berth.namespace}`;
  await asWriter(`${path}&format_values_as_json=true`);
  await asWriter(path);
});

test("the command line says that something is hidden", async () => {
  for (const words of [
    ["get", "values", "it"],
    ["get", "all", "it"],
    ["diff", "revision", "it"],
  ]) {
    const { stdout, stderr } = await callCli({ ...berth, url: writer }, [...words, "-n", berth.namespace]);
    assert.match(stdout, /\(redacted/, stderr);
    assert.match(stderr, /Some of it is redacted/);
    for (const secret of SECRETS) assert.ok(!stdout.includes(secret));
  }
});

test("what was read redacted is not written back", async () => {
  const { values, values_yaml: yaml } = await asWriter("it/values");
  for (const given of [{ values }, { values_yaml: yaml }, { set: ["auth.password=(redacted)"] }]) {
    const { status, body } = await berth.request<{ code: string; field: string }>("PUT", `${berth.releases}/it`, {
      chart: { path: chart },
      ...given,
    });
    assert.deepEqual([status, body.code, body.field], [400, "INVALID_ARGUMENT", "values"]);
  }
});

test("who may read the Secrets sees it all, but not those of a namespace where they may not", async () => {
  const { body: values } = await ask(owner, "it/values");
  assert.deepEqual([values.redacted, values.values?.["size"]], [false, 2]);
  const { body: own } = await ask(owner, "it/manifest");
  assert.match(own.manifest ?? "", new RegExp(NEW));
  assert.doesNotMatch(own.manifest ?? "", new RegExp(Buffer.from(OTHER).toString("base64")));
  assert.equal(own.redacted, true);
  const { body: all } = await ask(everywhere, "it/manifest");
  const { body: stored } = await berth.request<Answered>("GET", `${berth.releases}/it/manifest`);
  assert.deepEqual(all, stored);
  assert.equal(stored.redacted, false);
});
