import assert from "node:assert/strict";
import { test } from "node:test";

import { compareValues } from "./compare-values.ts";

const defaults = {
  replicas: 1,
  image: { repository: "web", tag: "2.0", pullPolicy: "Always" },
  server: { port: 8080, hosts: ["a"] },
  annotations: {},
  extra: null,
};

test("what is removed, moved, of another type or the default is found; what is free or another value is not", () => {
  const mine = {
    replicas: 3,
    image: { tag: "2.0" },
    port: 9090,
    server: { hosts: "b" },
    oldFlag: true,
    annotations: { "a.b/c": "x" },
    extra: { anything: 1 },
  };
  const { findings, carried } = compareValues(mine, defaults);
  assert.deepEqual(findings, [
    { path: "image.tag", mine: '"2.0"', kind: "sameAsDefault", movedTo: "", default: '"2.0"' },
    { path: "oldFlag", mine: "true", kind: "removed", movedTo: "", default: "" },
    { path: "port", mine: "9090", kind: "moved", movedTo: "server.port", default: "8080" },
    { path: "server.hosts", mine: '"b"', kind: "typeChanged", movedTo: "", default: '["a"]' },
  ]);
  const { port: _port, ...rest } = mine;
  assert.deepEqual(carried, { ...rest, server: { hosts: "b", port: 9090 } });
});

test("a name that is in two places, of another type or given already is not taken for moved", () => {
  const kinds = (mine: Parameters<typeof compareValues>[0], other: Parameters<typeof compareValues>[1]) =>
    compareValues(mine, other).findings.map(({ path, kind }) => `${path} ${kind}`);
  assert.deepEqual(kinds({ port: 1 }, { a: { port: 2 }, b: { port: 3 } }), ["port removed"]);
  assert.deepEqual(kinds({ port: 1 }, { a: { port: "x" } }), ["port removed"]);
  assert.deepEqual(kinds({ port: 1, a: { port: 5 } }, { a: { port: 2 } }), ["port removed"]);
  assert.deepEqual(kinds({ a: null }, { a: 1 }), []);
  assert.deepEqual(kinds({ a: { b: 1 } }, { a: "text" }), ["a.b typeChanged"]);
  assert.deepEqual(kinds({}, {}), []);
});

test("a key named like a part of every object is a key", () => {
  const { findings, carried } = compareValues(JSON.parse('{"constructor": 1}') as { constructor: number }, { a: 1 });
  assert.deepEqual(
    findings.map(({ path, kind }) => [path, kind]),
    [["constructor", "removed"]],
  );
  assert.deepEqual(Object.keys(carried), ["constructor"]);
});
