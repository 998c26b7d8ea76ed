import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";

const ROOT = resolve(import.meta.dirname, "../..");

test("every variable is documented and every documented variable exists", async () => {
  const source = await readFile(join(ROOT, "packages/server/src/config.ts"), "utf8");
  const page = await readFile(join(ROOT, "docs/configuration.md"), "utf8");
  const read = [...source.matchAll(/^ {2}(BERTH_\w+):/gm)].map(([, name]) => name);
  const documented = [...page.matchAll(/^\| `(BERTH_\w+)`/gm)].map(([, name]) => name);
  assert.notEqual(read.length, 0);
  assert.deepEqual(documented.sort(), read.sort());
});
