import assert from "node:assert/strict";
import { test } from "node:test";

import { provenanceOf } from "./provenance.ts";

const chart = { "chart-source": "local", "chart-digest": "sha256:1" };
const made = { actor: "somebody", operation: "op-1", ...chart };

test("provenance is that of the revision it was written for", () => {
  const stamped = { ...made, revision: "2" };
  const own = provenanceOf({ revision: 2, operationId: "op-1", provenance: stamped });
  assert.deepEqual(own, { operationId: "op-1", provenance: made });
  const copied = provenanceOf({ revision: 3, operationId: "op-1", provenance: stamped });
  assert.deepEqual(copied, { operationId: "", provenance: chart });
});

test("what Berth did not write has none, whatever was copied or claimed", () => {
  const nothing = { operationId: "", provenance: {} };
  assert.deepEqual(provenanceOf({ revision: 1, operationId: "", provenance: { ...made, revision: "1" } }), nothing);
  assert.deepEqual(provenanceOf({ revision: 1, operationId: "op-2", provenance: { ...made, revision: "1" } }), nothing);
  assert.deepEqual(provenanceOf({ revision: 2, operationId: "op-1", provenance: {} }), nothing);
});
