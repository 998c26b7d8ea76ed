import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { silentProgress } from "../progress.ts";
import { makeOnce } from "./once.ts";

let root: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "berth-once-"));
});
after(() => rm(root, { recursive: true }));

test("two who ask at the same time get what was made once", async () => {
  let count = 0;
  const make = async (directory: string) => {
    count += 1;
    await writeFile(join(directory, "made"), String(count));
  };
  const ask = () => makeOnce({ root, key: "a", progress: silentProgress, make });
  const [first, second] = await Promise.all([ask(), ask()]);
  assert.equal(first, second);
  assert.equal(await readFile(join(first, "made"), "utf8"), "1");
  assert.equal(count, 1);
});

test("what fails leaves nothing, and what a killed process left goes", async () => {
  await mkdir(join(root, ".draft-killed"));
  const make = () => Promise.reject(new Error("no"));
  await assert.rejects(makeOnce({ root, key: "b", progress: silentProgress, make }), /no/);
  assert.deepEqual((await readdir(root)).sort(), ["a"]);
});

test("of many versions those used last stay", async () => {
  const make = () => Promise.resolve();
  for (const key of ["c", "d", "e", "f", "a", "g"]) await makeOnce({ root, key, progress: silentProgress, make });
  assert.deepEqual((await readdir(root)).sort(), ["a", "d", "e", "f", "g"]);
});
