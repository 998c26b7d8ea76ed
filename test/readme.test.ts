import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { linesOf } from "./support/guide.ts";

const repository = join(import.meta.dirname, "..");
const hasCurl = spawnSync("curl", ["--version"]).status === 0;
const run = promisify(execFile);

let berth: TestBerth;

before(async () => {
  berth = await startTestBerth();
});
after(() => berth[Symbol.asyncDispose]());

/** The shell lines of a page's section, as they would be typed, but at this test's Berth and namespace. */
async function typed(page: string, section: string): Promise<string> {
  return (await linesOf(page, section))
    .replaceAll("http://127.0.0.1:4000", berth.url)
    .replaceAll("namespaces/default", `namespaces/${berth.namespace}`);
}

const sections = [
  ["README.md", "A first install", /"status":"success"/],
  ["README.md", "The API", /OPERATION_STATE_SUCCEEDED/],
  ["docs/charts.md", "Chart sources", /"name":"stable"[^]*CHART_SOURCE_STATE/],
  ["docs/charts.md", "Uploading a chart", /OPERATION_STATE_SUCCEEDED[^]*OPERATION_STATE_SUCCEEDED/],
  ["docs/charts.md", "Seeing what a change will do", /"revision":2[^]*kind: Deployment/],
] as const;

for (const [page, section, expected] of sections) {
  test(`the lines in "${section}" of ${page} work`, { skip: hasCurl ? false : "there is no curl here" }, async () => {
    // An error status of any of them ends the script.
    const script = `set -e\ncurl() { command curl -sS --fail-with-body "$@"; echo; }\n${await typed(page, section)}`;
    const { stdout } = await run("bash", ["-c", script], { cwd: repository });
    assert.doesNotMatch(stdout, /OPERATION_STATE_FAILED|"status":"failed"/);
    assert.match(stdout, expected);
  });
}
