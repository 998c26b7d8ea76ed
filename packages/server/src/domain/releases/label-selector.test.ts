import assert from "node:assert/strict";
import { test } from "node:test";

import { parseLabelSelector } from "./label-selector.ts";

const labels = { team: "payments", tier: "prod", "example.com/env": "eu" };

const cases: readonly (readonly [string, boolean])[] = [
  ["", true],
  ["team=payments", true],
  ["team==payments,tier!=test", true],
  ["team=other", false],
  ["team in (payments, billing)", true],
  ["team notin (payments)", false],
  ["missing notin (a)", true],
  ["missing!=a", true],
  ["team", true],
  ["!team", false],
  ["!missing", true],
  ["example.com/env=eu,team in (payments)", true],
];

for (const [selector, expected] of cases) {
  test(`selector "${selector}" is ${String(expected)}`, () => {
    assert.equal(parseLabelSelector(selector)(labels), expected);
  });
}

for (const wrong of ["team=(a)", "a b", "=x", "team in (a", "team in (a;b)", ","]) {
  test(`selector "${wrong}" is refused`, () => {
    assert.throws(() => parseLabelSelector(wrong), { code: "INVALID_ARGUMENT", field: "label_selector" });
  });
}
