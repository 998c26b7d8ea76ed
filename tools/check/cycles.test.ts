import assert from "node:assert/strict";
import { test } from "node:test";

import { findCycles } from "./cycles.ts";

function graph(edges: Record<string, string[]>): Map<string, string[]> {
  return new Map(Object.entries(edges));
}

test("a graph without cycles has none", () => {
  assert.deepEqual(findCycles(graph({ a: ["b", "c"], b: ["c"], c: [] })), []);
});

test("finds each cycle once", () => {
  assert.deepEqual(findCycles(graph({ a: ["b"], b: ["c"], c: ["a", "d"], d: ["d"] })), [["a", "b", "c"], ["d"]]);
});

test("a file outside the graph ends the way", () => {
  assert.deepEqual(findCycles(graph({ a: ["gen/b"] })), []);
});
