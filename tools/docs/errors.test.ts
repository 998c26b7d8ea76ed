import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";

import { ERROR_CODES } from "@berth/base";

import { filesUnder } from "../check/files.ts";
import { codesOfGoSource } from "./engine-codes.ts";
import { ERRORS_PAGE, documentedCodes, renderErrorsPage } from "./errors-page.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const CODES = Object.keys(ERROR_CODES);

test("every code is documented and every documented code exists", async () => {
  assert.deepEqual(documentedCodes(await readFile(join(ROOT, ERRORS_PAGE), "utf8")), CODES);
});

test("the page says what the table says", async () => {
  const page = await readFile(join(ROOT, ERRORS_PAGE), "utf8");
  assert.equal(page, renderErrorsPage(ERROR_CODES), "run npm run generate");
});

test("every code of the engine is in the table", async () => {
  const unknown: string[] = [];
  for (const file of await filesUnder(ROOT, "engine", ".go")) {
    const used = codesOfGoSource(await readFile(join(ROOT, file), "utf8"));
    unknown.push(...used.filter((code) => !CODES.includes(code)).map((code) => `${file}: ${code}`));
  }
  assert.deepEqual(unknown, []);
});

test("finds the codes of a Go source", () => {
  const source =
    'problem.New("A_CODE", "x"); &problem.Error{\n\tCode: "B",\n}; problem.Newf( "C1", "%s"); other("NOT_ONE")';
  assert.deepEqual(codesOfGoSource(source), ["A_CODE", "C1"]);
  assert.deepEqual(codesOfGoSource('Code:    "TWO_B"'), ["TWO_B"]);
});
