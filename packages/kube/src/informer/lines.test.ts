import assert from "node:assert/strict";
import { test } from "node:test";

import { readLines } from "./lines.ts";

async function linesOf(chunks: string[], limit?: number): Promise<string[]> {
  const lines: string[] = [];
  const stream = (async function* () {
    for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk, "latin1"));
  })();
  for await (const line of readLines(stream, limit)) lines.push(line);
  return lines;
}

test("cuts lines wherever the chunks are cut, characters too", async () => {
  const bytes = Buffer.from('{"a":"ä€😀"}\n\n{"b":1}\nrest').toString("latin1");
  for (let cut = 0; cut <= bytes.length; cut++) {
    assert.deepEqual(await linesOf([bytes.slice(0, cut), bytes.slice(cut)]), ['{"a":"ä€😀"}', "", '{"b":1}']);
  }
  assert.deepEqual(await linesOf(Array.from(bytes)), ['{"a":"ä€😀"}', "", '{"b":1}']);
});

test("a line has a limit, whole or in parts", async () => {
  assert.deepEqual(await linesOf(["12345\n12345\n"], 5), ["12345", "12345"]);
  await assert.rejects(linesOf(["123456\n"], 5), { code: "CLUSTER_REFUSED" });
  await assert.rejects(linesOf(["123", "456"], 5), { code: "CLUSTER_REFUSED" });
});
