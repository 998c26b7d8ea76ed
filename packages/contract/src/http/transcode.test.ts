import assert from "node:assert/strict";
import { test } from "node:test";

import { create } from "@bufbuild/protobuf";

import {
  InstallReleaseRequestSchema,
  ListReleasesRequestSchema,
  ListReleasesResponseSchema,
  ReleaseService,
} from "../gen/berth/v1/release_service_pb.ts";
import type { InstallReleaseRequest, ListReleasesRequest } from "../gen/berth/v1/release_service_pb.ts";
import { UninstallReleaseRequestSchema } from "../gen/berth/v1/release_service_pb.ts";
import type { UninstallReleaseRequest } from "../gen/berth/v1/release_service_pb.ts";
import { ReleaseSchema } from "../gen/berth/v1/release_pb.ts";
import { httpBindings, matchRoute } from "./rules.ts";
import { keepAnswer, toAnswer, toAnswerText, toRequest } from "./transcode.ts";
import type { RequestParts } from "./transcode.ts";

const parts = (given: Partial<RequestParts>): RequestParts => ({
  variables: {},
  query: new URLSearchParams(),
  body: undefined,
  bodyRule: "",
  ...given,
});

test("path variables and query parameters fill a request, repeated and nested ones too", () => {
  const query = new URLSearchParams("status=failed&status=deployed&page_size=5&labelSelector=a%3Db");
  const list = toRequest(
    ListReleasesRequestSchema,
    parts({ variables: { cluster: "c" }, query }),
  ) as ListReleasesRequest;
  assert.deepEqual(
    [list.cluster, list.status, list.pageSize, list.labelSelector],
    ["c", ["failed", "deployed"], 5, "a=b"],
  );
  const nested = new URLSearchParams("options.wait=true&options.timeout=60s&expected_revision=0&keepHistory=1");
  const gone = toRequest(UninstallReleaseRequestSchema, parts({ query: nested })) as UninstallReleaseRequest;
  assert.equal(gone.options?.wait, true);
  assert.equal(gone.options?.timeout?.seconds, 60n);
  assert.deepEqual([gone.expectedRevision, gone.keepHistory], [0, true]);
});

test("a body takes both spellings of a field, and the path goes with it", () => {
  const body = { name: "n", createNamespace: true, set_string: ["a=1"], chart: { path: "/c" } };
  const variables = { cluster: "c", namespace: "ns" };
  const request = toRequest(
    InstallReleaseRequestSchema,
    parts({ variables, body, bodyRule: "*" }),
  ) as InstallReleaseRequest;
  assert.deepEqual(
    [request.cluster, request.namespace, request.createNamespace, request.setString],
    ["c", "ns", true, ["a=1"]],
  );
});

const wrong: readonly (readonly [string, Partial<RequestParts>, string, string])[] = [
  ["an unknown parameter", { query: new URLSearchParams("x=1") }, "UNKNOWN_FIELD", "x"],
  [
    "a parameter beside a body",
    { query: new URLSearchParams("name=1"), bodyRule: "*", body: {} },
    "UNKNOWN_FIELD",
    "name",
  ],
  ["an unknown field", { bodyRule: "*", body: { chart: { x: 1 } } }, "UNKNOWN_FIELD", "chart.x"],
  ["a wrong type", { bodyRule: "*", body: { set: "a=1" } }, "INVALID_ARGUMENT", "set"],
  ["a wrong element", { bodyRule: "*", body: { set: ["a=1", 2] } }, "INVALID_ARGUMENT", "set[1]"],
  ["a wrong value of a map", { bodyRule: "*", body: { labels: { a: 1 } } }, "INVALID_ARGUMENT", "labels.a"],
  [
    "an unknown word",
    { bodyRule: "*", body: { options: { wait_strategy: "X" } } },
    "INVALID_ARGUMENT",
    "options.wait_strategy",
  ],
  [
    "a number that is none",
    { bodyRule: "*", body: { expected_revision: "x" } },
    "INVALID_ARGUMENT",
    "expected_revision",
  ],
  [
    "a name that is not the path's",
    { variables: { name: "a" }, bodyRule: "*", body: { name: "b" } },
    "INVALID_ARGUMENT",
    "name",
  ],
];

for (const [what, given, code, field] of wrong) {
  test(`${what} is refused with its field`, () => {
    assert.throws(() => toRequest(InstallReleaseRequestSchema, parts(given)), { code, field });
  });
}

test("routes: a verb goes before a variable, a wrong method says which are right", () => {
  const bindings = httpBindings([ReleaseService]);
  const base = "/v1/clusters/c/namespaces/n/releases";
  const found = (method: string, path: string) => {
    const match = matchRoute(bindings, method, path);
    return match.type === "found" ? match.binding.method.name : match;
  };
  assert.equal(found("POST", `${base}/x:rollback`), "RollbackRelease");
  assert.equal(found("POST", base), "InstallRelease");
  assert.equal(found("GET", "/v1/clusters/c/releases"), "ListReleases");
  assert.equal(found("GET", `${base}/x/history`), "GetReleaseHistory");
  assert.deepEqual(found("POST", `${base}/x`), { type: "method", allowed: ["DELETE", "GET", "PUT"] });
  assert.deepEqual(found("GET", `${base}/x:rollback`), { type: "method", allowed: ["POST"] });
  assert.deepEqual(found("GET", "/v1/nothing"), { type: "none" });
});

test("a list of messages that last has the same JSON as any other", () => {
  const schema = ListReleasesResponseSchema;
  const one = (name: string) => create(ReleaseSchema, { name, labels: { a: '"' }, chart: { name: "web" } });
  const message = create(schema, { releases: [keepAnswer(one("a")), keepAnswer(one("b"))], totalSize: 2 });
  const empty = create(schema, { totalSize: 0 });
  for (const each of [message, message, empty]) {
    assert.deepEqual(JSON.parse(toAnswerText(schema, each)), toAnswer(schema, each));
  }
});
