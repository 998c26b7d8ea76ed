import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { isAllowed, recogniseLicence } from "./licences.ts";

const EXPRESSIONS: readonly (readonly [expression: string, allowed: boolean])[] = [
  ["MIT", true],
  ["(Apache-2.0 AND BSD-3-Clause)", true],
  ["(MIT OR GPL-3.0-only)", true],
  ["MIT AND GPL-3.0-only", false],
  ["AGPL-3.0-only", false],
  ["SEE LICENSE IN LICENSE.md", false],
  ["", false],
];

for (const [expression, allowed] of EXPRESSIONS) {
  test(`"${expression}" is ${allowed ? "" : "not "}allowed`, () => assert.equal(isAllowed(expression), allowed));
}

test("knows our own licence by its text", async () => {
  const text = await readFile(join(import.meta.dirname, "../../LICENSE"), "utf8");
  assert.equal(recogniseLicence(text), "Apache-2.0");
});

test("knows licences by their words", () => {
  assert.equal(
    recogniseLicence("Permission is hereby granted, free of charge,\nto any person obtaining a copy"),
    "MIT",
  );
  assert.equal(
    recogniseLicence(`Mozilla Public License, version 2.0 ${"…".repeat(300)} GNU General Public License`),
    "MPL-2.0",
  );
  assert.equal(recogniseLicence("GNU AFFERO GENERAL PUBLIC LICENSE Version 3"), "GPL");
  assert.equal(
    recogniseLicence("> Redistribution and use in source and binary forms, with\n> or without modification"),
    "BSD-3-Clause",
  );
  assert.equal(recogniseLicence("Business Source License 1.1"), undefined);
});
