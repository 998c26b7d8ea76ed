import assert from "node:assert/strict";
import { test } from "node:test";

import { checkResourceVersion, isNewer } from "./resource-version.ts";

test("compares as integers do, also beyond what a number holds", () => {
  const versions = [
    "",
    "0",
    "1",
    "9",
    "10",
    "99",
    "100",
    "9007199254740992",
    "9007199254740993",
    "10000000000000000000",
  ];
  versions.forEach((a, i) => versions.forEach((b, j) => assert.equal(isNewer(a, b), i > j, `${a} after ${b}`)));
});

test("takes whole numbers only", () => {
  for (const good of ["0", "1", "18446744073709551615"]) assert.equal(checkResourceVersion(good), good);
  for (const bad of ["", "-1", "01", "1.5", "1e3", "abc", "1".repeat(21), "1\n"]) {
    assert.throws(() => checkResourceVersion(bad), { code: "INVALID_ARGUMENT" }, bad);
  }
});
