import assert from "node:assert/strict";
import { test } from "node:test";

import { createEndpoints } from "./endpoints.ts";

const keys = [new Uint8Array(32)];
const endpoints = createEndpoints([
  { url: "https://hooks.example.com/exact", keys },
  { url: "https://hooks.example.com/all/", keys },
  { url: "https://hooks.example.com/all/of/team/", keys },
  { url: "https://whole.example.com", keys },
]);

/** A URL, and the receiver that covers it; empty for none. */
const CASES: readonly (readonly [url: string, covered: string])[] = [
  ["https://hooks.example.com/exact", "https://hooks.example.com/exact"],
  ["https://hooks.example.com/exact?job=1", "https://hooks.example.com/exact"],
  ["https://HOOKS.example.com:443/exact", "https://hooks.example.com/exact"],
  ["https://hooks.example.com/exact/more", ""],
  ["https://hooks.example.com/exactly", ""],
  ["https://hooks.example.com/all/", "https://hooks.example.com/all/"],
  ["https://hooks.example.com/all/a/b", "https://hooks.example.com/all/"],
  ["https://hooks.example.com/all/of/team/a", "https://hooks.example.com/all/of/team/"],
  ["https://hooks.example.com/all", ""],
  ["https://hooks.example.com/all/../admin", ""],
  ["https://hooks.example.com/all/%2e%2e/admin", ""],
  ["https://hooks.example.com/all/..%2fadmin", ""],
  ["https://hooks.example.com/all/..%5Cadmin", ""],
  ["https://hooks.example.com/all\\..\\admin", ""],
  ["https://hooks.example.com:8443/exact", ""],
  ["http://hooks.example.com/exact", ""],
  ["https://hooks.example.com.evil.example/exact", ""],
  ["https://user@hooks.example.com/exact", ""],
  ["https://hooks.example.com@evil.example/exact", ""],
  ["https://hooks.example.com/exact#part", ""],
  ["https://whole.example.com/any/thing", "https://whole.example.com"],
  ["file:///etc/passwd", ""],
  ["no url", ""],
  ["", ""],
];

for (const [url, covered] of CASES) {
  test(`"${url}" is ${covered === "" ? "not covered" : `covered by ${covered}`}`, () => {
    assert.equal(endpoints.find(url)?.url ?? "", covered);
    if (covered !== "") endpoints.check(url);
    else assert.throws(() => endpoints.check(url), { code: "INVALID_ARGUMENT", field: "policy.callback_url" });
  });
}

test("nobody needs to be told", () => {
  createEndpoints([]).check(undefined);
});
