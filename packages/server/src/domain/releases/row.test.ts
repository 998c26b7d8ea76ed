import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";
import { compare } from "semver";

import { versionKey } from "./row.ts";

test("keys of versions sort as SemVer says", () => {
  const number = fc.integer({ min: 0, max: 120 });
  const identifier = fc.oneof(number.map(String), fc.constantFrom("alpha", "beta", "rc", "x-1", "A"));
  const version = fc
    .tuple(number, number, number, fc.array(identifier, { maxLength: 3 }))
    .map(([major, minor, patch, pre]) => `${major}.${minor}.${patch}${pre.length === 0 ? "" : `-${pre.join(".")}`}`);
  fc.assert(
    fc.property(version, version, (a, b) => {
      const [first, second] = [versionKey(a), versionKey(b)];
      assert.equal(Math.sign(first < second ? -1 : first > second ? 1 : 0), compare(a, b));
    }),
  );
});

test("what is no version keeps its text, and a v or a missing part is no difference", () => {
  assert.equal(versionKey("latest"), "latest");
  assert.equal(versionKey("v1.2"), versionKey("1.2.0"));
});
