import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";

import { filesUnder } from "../check/files.ts";

const ROOT = resolve(import.meta.dirname, "../..");

test("every link of a page leads somewhere", async () => {
  const nested = await Promise.all(["docs", "designs"].map((folder) => filesUnder(ROOT, folder, ".md")));
  const broken: string[] = [];
  for (const page of ["README.md", "CONTRIBUTING.md", ...nested.flat()]) {
    const text = await readFile(join(ROOT, page), "utf8");
    const targets = [...text.matchAll(/\]\((?<target>[^)#]+)[^)]*\)/g)].map((match) => match.groups?.["target"] ?? "");
    const missing = targets.filter(
      (target) => !target.includes("://") && !existsSync(join(ROOT, dirname(page), target)),
    );
    broken.push(...missing.map((target) => `${page}: ${target}`));
  }
  assert.deepEqual(broken, []);
});
