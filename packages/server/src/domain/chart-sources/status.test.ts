import assert from "node:assert/strict";
import { test } from "node:test";

import { BerthError } from "@berth/base";

import { formatDuration, parseDuration } from "./duration.ts";
import type { StoredStatus } from "./resource.ts";
import { nextStatus } from "./status.ts";
import type { Finding } from "./status.ts";

const START = Date.parse("2026-01-01T00:00:00Z");
const inputs = { generation: 1, secretVersion: "10", refresh: "" };
const good: Finding = { kind: "refreshed", charts: 3, digest: "sha256:a" };
const bad: Finding = {
  kind: "failed",
  error: new BerthError("CHART_FETCH_FAILED", "https://u:p@example.com/?k=1 answers 401."),
};
const at = (seconds: number) => ({ now: START + seconds * 1000, intervalMs: 600_000 });
const write = (stored: StoredStatus, finding: Finding, seconds: number, other: Partial<typeof inputs> = {}) =>
  nextStatus(stored, { ...inputs, ...other }, finding, at(seconds));
const first = write({}, good, 0) ?? {};
const failed = write({}, bad, 0) ?? {};

test("what was found is said, and what a URL must not show is not", () => {
  assert.deepEqual(first, {
    ...{ observedGeneration: 1, observedSecretVersion: "10", observedRefresh: "" },
    ...{ lastRefreshTime: "2026-01-01T00:00:00Z", charts: 3, digest: "sha256:a" },
    conditions: [
      {
        ...{ type: "Ready", status: "True", reason: "Refreshed", message: "The index is known." },
        ...{ observedGeneration: 1, lastTransitionTime: "2026-01-01T00:00:00Z" },
      },
    ],
  });
  const [condition] = failed.conditions ?? [];
  assert.deepEqual([condition?.status, condition?.reason], ["False", "CHART_FETCH_FAILED"]);
  assert.equal(condition?.message, "https://example.com/?… answers 401.");
});

test("what is asked otherwise is written at once, what is asked again once an interval", () => {
  assert.equal(write(first, good, 500), undefined, "another replica was there");
  assert.equal(write(first, bad, 500), undefined);
  assert.equal(write(first, good, 560)?.lastRefreshTime, "2026-01-01T00:09:20Z");
  for (const other of [{ generation: 2 }, { secretVersion: "11" }, { refresh: "now" }]) {
    assert.notEqual(write(first, good, 1, other), undefined);
  }
  assert.notEqual(write(failed, good, 1), undefined, "it is well again");
  assert.equal(write(failed, bad, 1), undefined);
  assert.notEqual(write(first, good, -1000), undefined, "a time far ahead was written by a wrong clock");
});

test("a failure keeps what was known of the same source, and no other", () => {
  assert.deepEqual([write(first, bad, 600)?.charts, write(first, bad, 1, { generation: 2 })?.charts], [3, undefined]);
  assert.equal(write(first, good, 600)?.conditions?.[0]?.lastTransitionTime, "2026-01-01T00:00:00Z");
  assert.equal(write(first, bad, 600)?.conditions?.[0]?.lastTransitionTime, "2026-01-01T00:10:00Z");
});

test("a suspension is said once, with what was known", () => {
  const suspended = write(first, { kind: "suspended" }, 1, { generation: 2 }) ?? {};
  assert.deepEqual([suspended.conditions?.[0]?.status, suspended.lastRefreshTime], ["Unknown", "2026-01-01T00:00:00Z"]);
  assert.equal(write(suspended, { kind: "suspended" }, 5000, { generation: 2 }), undefined);
});

test("a registry has neither number nor digest", () => {
  const status = write({}, { kind: "refreshed", charts: undefined, digest: "" }, 0) ?? {};
  assert.deepEqual(["charts" in status, "digest" in status], [false, false]);
});

test("durations are read and written as Kubernetes has them", () => {
  const texts = ["10m", "1h30m", "90s", "1.5h", "500ms", "1h0m1s"];
  assert.deepEqual(texts.map(parseDuration), [600_000, 5_400_000, 90_000, 5_400_000, 500, 3_601_000]);
  for (const text of ["", "10", "m", "1d", "10m x", "-1m"]) assert.equal(parseDuration(text), undefined, text);
  assert.deepEqual([600_000, 90_000, 7_200_000, 1500].map(formatDuration), ["10m", "90s", "2h", "1500ms"]);
});
