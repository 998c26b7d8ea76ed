import assert from "node:assert/strict";
import { test } from "node:test";

import { formatJsonPath } from "./jsonpath.ts";

const data = {
  total_size: 2,
  releases: [
    { name: "a", labels: { "app.io/team": "x" }, revision: 1 },
    { name: "b", labels: {}, revision: 2 },
  ],
};

const cases: readonly (readonly [string, string])[] = [
  ["{.total_size}", "2"],
  [".total_size", "2"],
  ["{total_size}", "2"],
  ["{.releases[*].name}", "a b"],
  ["{.releases[-1:].name}", "b"],
  ["{$.releases[0].labels['app.io/team']}", "x"],
  ['{.releases[?(@.revision==2)].name}{"\\n"}', "b\n"],
  ["{..name}", "a b"],
  ["{.releases[1].labels}", "{}"],
  ["{.nothing.there}", ""],
  ['of {.total_size}: {range .releases[*]}{.name}{"\\t"}{.revision}{"}\\n"}{end}end', "of 2: a\t1}\nb\t2}\nend"],
  ["{range .nothing[*]}{.name}{end}.", "."],
];

for (const [template, expected] of cases) {
  test(`${template} gives ${JSON.stringify(expected)}`, () => assert.equal(formatJsonPath(template, data), expected));
}

for (const template of ["{.a", "{range .a}", "{end}", "{.a[}", "a}"]) {
  test(`${template} is not valid`, () => {
    assert.throws(() => formatJsonPath(template, data), { name: "CliError", message: /^The jsonpath is not valid/ });
  });
}
