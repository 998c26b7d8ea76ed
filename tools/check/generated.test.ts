import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { compareFolders } from "./generated.ts";

async function writeTree(folder: string, files: Record<string, string>): Promise<string> {
  await mkdir(join(folder, "deep"), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

test("names each file that differs, and no other", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "berth-compare-"));
  t.after(() => rm(root, { recursive: true }));
  const ours = await writeTree(join(root, "ours"), { same: "1", "deep/old": "1", edited: "by hand" });
  const fresh = await writeTree(join(root, "fresh"), { same: "1", "deep/new": "1", edited: "generated" });
  assert.deepEqual(await compareFolders(ours, fresh, "gen"), [
    "gen/deep/new is missing",
    "gen/deep/old is not generated",
    "gen/edited is out of date",
  ]);
});
