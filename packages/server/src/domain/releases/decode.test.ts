import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { decodeSummary } from "./decode.ts";

const pack = (value: unknown) => gzipSync(JSON.stringify(value)).toString("base64");

test("a stored release gives its summary", async () => {
  const summary = await decodeSummary(
    pack({
      info: {
        first_deployed: "2026-01-02T03:04:05Z",
        last_deployed: "2026-01-02T03:04:06Z",
        deleted: "",
        description: "d",
      },
      chart: { metadata: { name: "c", version: "1", annotations: { "berth.dev/actor": "me", other: "x" } } },
    }),
  );
  assert.deepEqual(summary, {
    chart: { name: "c", version: "1", appVersion: "" },
    description: "d",
    firstDeployed: new Date("2026-01-02T03:04:05Z"),
    lastDeployed: new Date("2026-01-02T03:04:06Z"),
    deleted: undefined,
    provenance: { actor: "me" },
    unreadable: "",
  });
});

test("what cannot be read says so and does not throw", async () => {
  for (const broken of ["", "AAAA", "!!!", pack("text"), gzipSync("{").toString("base64"), "H4sIAAAA"]) {
    assert.notEqual((await decodeSummary(broken)).unreadable, "");
  }
});

test("a small record that inflates without end is left unread", async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024)).toString("base64");
  assert.match((await decodeSummary(bomb)).unreadable, /inflates to more than/);
});
