import assert from "node:assert/strict";
import { test } from "node:test";

import { rangePattern } from "./ranges.ts";

test("a range's pattern fits its numbers and no others", () => {
  for (const [from, to] of [
    [0, 0],
    [0, 500],
    [1, 86_400],
    [60, 604_800],
    [7, 7],
    [1, 65_535],
    [99, 1001],
  ] as const) {
    const pattern = new RegExp(`^${rangePattern(BigInt(from), BigInt(to))}$`);
    for (let n = 0; n <= to + 1100; n += n > 2000 && n < to - 50 ? 37 : 1) {
      assert.equal(pattern.test(String(n)), n >= from && n <= to, `${String(n)} of ${String(from)} to ${String(to)}`);
    }
    assert.ok(!pattern.test(`0${String(to)}`));
  }
});
