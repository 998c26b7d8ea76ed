import assert from "node:assert/strict";
import { test } from "node:test";

import { resolveChart, sourceNameOf } from "./resolve.ts";

const policy = {
  allowLocal: false,
  repositories: { stable: { url: "https://charts.example.com/stable/", username: "u", password: "p", plainHttp: true } },
};

test("a named repository gives its URL and credentials", () => {
  assert.deepEqual(resolveChart({ name: "stable/x", version: "1" }, policy), {
    source: { kind: "repository", url: "https://charts.example.com/stable", name: "x", version: "1", refresh: false },
    access: { username: "u", password: "p", plainHttp: true },
    digest: "",
    trust: { keyring: new Uint8Array(), cosignKeys: new Uint8Array() },
    provenance: new Uint8Array(),
  });
});

test("the configuration's credentials are never shown in a way that a caller chooses", () => {
  for (const own of [{ access: { insecureSkipTlsVerify: true } }, { username: "me" }, { password: "mine" }]) {
    const { access } = resolveChart({ name: "stable/x", ...own }, policy);
    assert.ok(!Object.values(access).includes("p") && !Object.values(access).includes("u"), JSON.stringify(access));
  }
});

test("a URL may end in index.yaml and hold its user, which leaves it", () => {
  const chart = resolveChart({ name: "x", repository: "https://me:p%40ss@example.com/a/index.yaml" }, policy);
  assert.deepEqual(chart.source, {
    kind: "repository",
    url: "https://example.com/a",
    name: "x",
    version: "",
    refresh: false,
  });
  assert.deepEqual(chart.access, { username: "me", password: "p@ss" });
});

test("a chart of a registry is named by its place, with or without a name apart", () => {
  const reference = "registry.example.com:5000/charts/x";
  for (const chart of [
    { url: `oci://${reference}`, version: "1" },
    { repository: "oci://registry.example.com:5000/charts/", name: "x", version: "1" },
  ]) {
    assert.deepEqual(resolveChart(chart, policy).source, { kind: "oci", reference, version: "1" });
  }
  const pinned = resolveChart({ url: `oci://me:pass@${reference}:1.0.0@sha256:${"a".repeat(64)}` }, policy);
  assert.deepEqual(pinned.source, { kind: "oci", reference: `${reference}:1.0.0@sha256:${"a".repeat(64)}`, version: "" });
  assert.equal(pinned.access.password, "pass");
});

test("a URL of an archive and an archive are charts too", () => {
  const url = "https://example.com/Files/x-1.tgz?sig=A";
  assert.deepEqual(resolveChart({ url }, policy).source, { kind: "url", url });
  const archive = new Uint8Array([1]);
  assert.deepEqual(resolveChart({ archive }, policy).source, { kind: "archive", archive });
});

test("what cannot be resolved is refused with its field", () => {
  assert.throws(() => resolveChart({}, policy), { code: "INVALID_ARGUMENT", field: "chart" });
  assert.throws(() => resolveChart({ name: "a", path: "/b" }, policy), { code: "INVALID_ARGUMENT", field: "chart" });
  assert.throws(() => resolveChart({ path: "/b" }, policy), { code: "CHART_SOURCE_REFUSED", field: "chart.path" });
  for (const name of ["x", "other/x", "stable/", "constructor/x"]) {
    assert.throws(() => resolveChart({ name }, policy), { code: "CHART_NOT_FOUND", field: "chart.name" });
  }
  for (const url of ["ftp://x", "x.tgz", "oci:"]) {
    assert.throws(() => resolveChart({ url }, policy), { code: "INVALID_ARGUMENT", field: "chart.url" });
  }
  for (const repository of ["ftp://x", "file:///etc", "nothing"]) {
    assert.throws(() => resolveChart({ name: "x", repository }, policy), {
      code: "INVALID_ARGUMENT",
      field: "chart.repository",
    });
  }
});

test("keys are asked for where the configuration or the request demands it", () => {
  const keys = { keyring: new Uint8Array([1]), cosignKeys: new Uint8Array() };
  const asks = (verify: boolean, required: boolean) =>
    resolveChart({ name: "stable/x", verify }, { ...policy, verification: { ...keys, required } }).trust.keyring.length > 0;
  assert.deepEqual([asks(false, false), asks(true, false), asks(false, true)], [false, true, true]);
  assert.throws(() => resolveChart({ name: "stable/x", verify: true }, policy), { field: "chart.verify" });
});

test("a ChartSource that was found goes before the configuration, with its own credentials and no others", () => {
  const found = { url: "https://own.example.com/charts/", username: "own", password: "secret", insecureSkipTlsVerify: true };
  for (const reference of [{ name: "stable/x" }, { source: "stable", name: "x" }]) {
    const { source, access } = resolveChart(reference, policy, found);
    assert.deepEqual(source, {
      ...{ kind: "repository", url: "https://own.example.com/charts", name: "x" },
      ...{ version: "", refresh: false },
    });
    assert.deepEqual(access, { username: "own", password: "secret", insecureSkipTlsVerify: true });
    for (const own of [{ username: "me" }, { password: "mine" }, { access: { plainHttp: true } }]) {
      assert.throws(() => resolveChart({ ...reference, ...own }, policy, found), {
        code: "INVALID_ARGUMENT",
        field: `chart.${Object.keys(own)[0] ?? ""}`,
      });
    }
  }
  const nested = resolveChart({ source: "stable", name: "team/x" }, policy, { url: "oci://example.com/charts" });
  assert.deepEqual(nested.source, { kind: "oci", reference: "example.com/charts/team/x", version: "" });
});

test("a ChartSource that is named and not there is no repository of the configuration", () => {
  assert.throws(() => resolveChart({ source: "stable", name: "x" }, policy), {
    code: "CHART_SOURCE_NOT_FOUND",
    field: "chart.source",
  });
  for (const reference of [
    { source: "stable" },
    { source: "stable", url: "https://example.com/x.tgz" },
    { source: "stable", name: "x", repository: "https://example.com" },
  ]) {
    assert.throws(() => resolveChart(reference, policy), { code: "INVALID_ARGUMENT", field: "chart.source" });
  }
});

test("a ChartSource is looked for where a name may mean one", () => {
  assert.deepEqual(
    [
      { source: "a", name: "x" },
      { name: "a/x" },
      { name: "x" },
      { name: "/x" },
      { name: "a/x", repository: "https://example.com" },
      { url: "https://example.com/a/x.tgz" },
    ].map(sourceNameOf),
    ["a", "a", undefined, undefined, undefined, undefined],
  );
});
