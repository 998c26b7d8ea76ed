import assert from "node:assert/strict";
import { test } from "node:test";

import { readLogLines } from "./log-lines.ts";
import type { LogLine } from "./types.ts";

async function* chunks(...texts: readonly (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

async function read(source: AsyncIterable<Buffer>, timestamps = false, max?: number) {
  const told: (readonly LogLine[])[] = [];
  for await (const lines of readLogLines(source, timestamps, max)) told.push(lines);
  return told;
}

test("lines are cut wherever the chunks end, and the last needs no line feed", async () => {
  const euro = Buffer.from("€");
  const told = await read(chunks("one\r\ntw", "o\n\nthr", euro.subarray(0, 1), euro.subarray(1), "ee"));
  assert.deepEqual(
    told.map((lines) => lines.map(({ text }) => text)),
    [["one"], ["two", ""], ["thr€ee"]],
  );
});

test("of a long line the beginning is kept, and the next begins anew", async () => {
  const told = (await read(chunks("x".repeat(9), "x".repeat(9), "x\nshort\n"), false, 10)).flat();
  assert.deepEqual(told, [
    { text: "x".repeat(10), time: "", cut: true },
    { text: "short", time: "", cut: false },
  ]);
});

test("a time is taken from a line's front, where it was asked for", async () => {
  const line = "2026-01-02T03:04:05.678901234Z said";
  assert.deepEqual(await read(chunks(line), true), [
    [{ text: "said", time: "2026-01-02T03:04:05.678901234Z", cut: false }],
  ]);
  assert.equal((await read(chunks(line)))[0]?.[0]?.text, line);
});

test("many lines are told in pieces", async () => {
  const told = await read(chunks("line\n".repeat(1_200)));
  assert.deepEqual(
    told.map(({ length }) => length),
    [500, 500, 200],
  );
});
