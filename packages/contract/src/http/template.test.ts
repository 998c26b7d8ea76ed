import assert from "node:assert/strict";
import { test } from "node:test";

import { compileTemplate, matchTemplate } from "./template.ts";

/** Template, path, and what its fields are: the examples of google/api/http.proto and our own. */
const cases: readonly (readonly [string, string, Record<string, string> | undefined])[] = [
  ["/v1/{name=messages/*}", "/v1/messages/123456", { name: "messages/123456" }],
  ["/v1/{name=messages/*}", "/v1/messages/123456/x", undefined],
  ["/v1/messages/{message_id}", "/v1/messages/123456", { message_id: "123456" }],
  ["/v1/messages/{message_id}", "/v1/messages/", undefined],
  ["/v1/messages/{message_id}", "/v1/messages/a%2Fb", { message_id: "a/b" }],
  [
    "/v1/users/{user_id}/messages/{message_id}",
    "/v1/users/me/messages/123456",
    { user_id: "me", message_id: "123456" },
  ],
  ["/v1/{name=shelves/*/books/**}", "/v1/shelves/a/books/b/c%2Fd", { name: "shelves/a/books/b/c%2Fd" }],
  ["/v1/{a.b}", "/v1/x", { "a.b": "x" }],
  ["/v1/operations/{id}", "/v1/operations/x", { id: "x" }],
  ["/v1/operations/{id}:cancel", "/v1/operations/x:cancel", { id: "x" }],
  ["/v1/operations/{id}:cancel", "/v1/operations/x:retry", undefined],
  ["/v1/operations/{id}:cancel", "/v1/operations/x", undefined],
  ["/v1/messages/{message_id}", "/v1/messages/%zz", undefined],
];

for (const [template, path, expected] of cases) {
  test(`${template} and ${path}`, () => {
    assert.deepEqual(matchTemplate(compileTemplate(template), path), expected);
  });
}

test("what is no template is refused", () => {
  for (const wrong of ["v1/x", "/v1/**/x", "/v1/{a=**}/b"]) {
    assert.throws(() => compileTemplate(wrong));
  }
});
