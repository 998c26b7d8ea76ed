import assert from "node:assert/strict";
import { test } from "node:test";

import { keepNewest } from "./bounded.ts";

test("a bounded map has its newest entries, and what is kept again is new again", () => {
  const map = new Map<string, number>();
  for (const [key, value] of [
    ["a", 1],
    ["b", 2],
    ["a", 3],
    ["c", 4],
  ] as const)
    keepNewest(map, key, value, 2);
  assert.deepEqual(
    [...map],
    [
      ["a", 3],
      ["c", 4],
    ],
  );
});
