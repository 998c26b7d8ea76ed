import assert from "node:assert/strict";
import { test } from "node:test";

import { toReference } from "./outdated.ts";

const policy = {
  allowLocal: false,
  repositories: {
    stable: { url: "https://charts.example.com/stable/index.yaml" },
    private: { url: "oci://registry.example.com:5000/charts/" },
  },
};

test("a source is looked up by the name the configuration has for it, else by its place", () => {
  for (const [source, reference] of [
    ["https://charts.example.com/stable/web", { name: "stable/web" }],
    ["https://charts.example.com/web", { repository: "https://charts.example.com", name: "web" }],
    ["oci://registry.example.com:5000/charts/web", { name: "private/web" }],
    ["oci://registry.example.com:5000/charts/web:1.0.0", { name: "private/web" }],
    [
      `oci://other.example.com/web:1.0.0@sha256:${"a".repeat(64)}`,
      { repository: "oci://other.example.com", name: "web" },
    ],
    ["https://example.com/web-1.0.0.tgz", undefined],
    ["upload", undefined],
    ["local", undefined],
    ["", undefined],
  ] as const) {
    assert.deepEqual(toReference(source, policy), reference, source);
  }
});

test("a ChartSource of that place goes before the configuration", () => {
  const sources = [{ name: "own", url: "https://charts.example.com/stable/" }];
  const place = "https://charts.example.com/stable/web";
  assert.deepEqual(toReference(place, policy, sources), { source: "own", name: "web" });
});
