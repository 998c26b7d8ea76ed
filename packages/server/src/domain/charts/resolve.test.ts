import assert from "node:assert/strict";
import { test } from "node:test";

import { resolveChart } from "./resolve.ts";

const policy = {
  allowLocal: false,
  repositories: { stable: { url: "https://charts.example.com/stable/", username: "u", password: "p" } },
};

test("a named repository gives its URL and credentials", () => {
  assert.deepEqual(resolveChart({ name: "stable/x", version: "1" }, policy), {
    kind: "repository",
    url: "https://charts.example.com/stable",
    name: "x",
    version: "1",
    username: "u",
    password: "p",
    digest: "",
  });
});

test("a URL may end in index.yaml and hold its user, which leaves it", () => {
  const chart = resolveChart({ name: "x", repository: "https://me:p%40ss@example.com/a/index.yaml" }, policy);
  assert.deepEqual(chart.kind === "repository" && [chart.url, chart.username, chart.password], [
    "https://example.com/a",
    "me",
    "p@ss",
  ]);
});

test("what cannot be resolved is refused with its field", () => {
  assert.throws(() => resolveChart({}, policy), { code: "INVALID_ARGUMENT", field: "chart" });
  assert.throws(() => resolveChart({ name: "a", path: "/b" }, policy), { code: "INVALID_ARGUMENT", field: "chart" });
  assert.throws(() => resolveChart({ path: "/b" }, policy), { code: "CHART_SOURCE_REFUSED", field: "chart.path" });
  for (const name of ["x", "other/x", "stable/", "constructor/x"]) {
    assert.throws(() => resolveChart({ name }, policy), { code: "CHART_NOT_FOUND", field: "chart.name" });
  }
  for (const repository of ["ftp://x", "file:///etc", "nothing"]) {
    assert.throws(() => resolveChart({ name: "x", repository }, policy), {
      code: "INVALID_ARGUMENT",
      field: "chart.repository",
    });
  }
});
