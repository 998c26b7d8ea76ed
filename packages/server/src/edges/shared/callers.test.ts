import assert from "node:assert/strict";
import { test } from "node:test";

import { createCallerCheck } from "./callers.ts";

test("callers of the machine itself and of the networks that are named are let in, and nobody else", () => {
  const check = createCallerCheck(["10.244.0.0/16", "fd00:1::/64"]);
  for (const address of ["127.0.0.1", "::1", "10.244.7.1", "::ffff:10.244.7.1", "fd00:1::5"]) check(address);
  for (const address of ["10.245.0.1", "192.168.77.1", "::ffff:10.245.0.1", "fd00:2::5", undefined]) {
    assert.throws(() => check(address), { code: "FORBIDDEN" });
  }
});
