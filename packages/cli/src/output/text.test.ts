import assert from "node:assert/strict";
import { test } from "node:test";

import { formatTable } from "./table.ts";
import { toDuration } from "./text.ts";

test("durations are read as Helm writes them", () => {
  const cases = { 90: 90n, "90s": 90n, "5m": 300n, "1h30m": 5400n, "5m0s": 300n };
  for (const [text, seconds] of Object.entries(cases)) assert.deepEqual(toDuration(text), { seconds });
  for (const text of ["", "m", "1d", "5 m", "-1s", "1.5m"]) assert.throws(() => toDuration(text), { name: "CliError" });
});

test("a table keeps each row on one line, and what a terminal would obey out of it", () => {
  const table = {
    columns: ["NAME", "WHY"],
    rows: [
      ["a", "two\nlines"],
      ["longer", "\u001b[2Jgone"],
    ],
  };
  assert.equal(formatTable(table), "NAME     WHY\na        two lines\nlonger   [2Jgone\n");
});
