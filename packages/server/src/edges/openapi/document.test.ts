import assert from "node:assert/strict";
import { test } from "node:test";

import { httpBindings, toRequest } from "@berth/contract";
import type { JsonObject } from "@bufbuild/protobuf";

import { validate } from "../shared/validate.ts";
import { BERTH, SWIFT } from "./dialects.ts";
import { createDocument } from "./document.ts";

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
}

const document = createDocument("1.2.3") as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
};
const dialects = [BERTH, SWIFT];
const bindings = dialects.flatMap(({ services }) => httpBindings(services));

test("every rule of HTTP is in the document, said in words, under a name of its own", () => {
  for (const { pattern, verb } of bindings) assert.ok(document.paths[pattern]?.[verb.toLowerCase()], pattern);
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
  for (const { summary, operationId } of operations) assert.ok(summary !== "", operationId);
  const ids = operations.map(({ operationId }) => operationId);
  assert.equal(new Set(ids).size, ids.length);
});

test("what the document refers to is there, and what is there is referred to", () => {
  const text = JSON.stringify(document);
  const referred = new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name = ""]) => name));
  assert.deepEqual([...referred].sort(), Object.keys(document.components.schemas).sort());
});

test("every body has an example, which the server takes", () => {
  for (const { services, examples } of dialects) {
    const withBody = new Map(
      httpBindings(services)
        .filter(({ body }) => body !== "")
        .map((binding) => [binding.method.name, binding]),
    );
    assert.deepEqual(Object.keys(examples).sort(), [...withBody.keys()].sort());
    for (const [name, { method, template, body: bodyRule }] of withBody) {
      const variables = Object.fromEntries(template.variables.map(({ field }) => [field, "some-name"]));
      const parts = { variables, query: new URLSearchParams(), body: examples[name] as JsonObject, bodyRule };
      validate(method.input, toRequest(method.input, parts));
    }
  }
});
