import { parseArgs } from "node:util";

import { onParentGone } from "@berth/devcluster";

import { run } from "../run-tests/run.ts";

/** What kills, cuts and hands on; each round takes some minutes. */
const FILES = [
  ...["test/replicas.test.ts", "test/kill-matrix.test.ts", "test/hand-on.test.ts", "test/slow-*.test.ts"],
  "test/exposures-replicas.test.ts",
];

const usage = `npm run soak -- [--minutes N]

Runs the tests that kill Berth, its engine and the control plane again and again, on a fresh cluster each
time, for N minutes (default 30), and ends with the first round that fails.
`;

async function soak(minutes: number): Promise<boolean> {
  const asked = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => asked.abort(signal));
  onParentGone(() => asked.abort("parent gone"));
  const until = performance.now() + minutes * 60_000;
  for (let round = 1; performance.now() < until; round++) {
    const left = Math.ceil((until - performance.now()) / 60_000);
    console.log(`\n== round ${String(round)}, ${String(left)} min left`);
    const isPassed = await run(process.execPath, ["tools/run-tests/main.ts", ...FILES], process.env, asked.signal);
    console.log(`== round ${String(round)}: ${isPassed ? "passed" : "FAILED"}`);
    if (!isPassed) return false;
  }
  return true;
}

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "30" }, help: { type: "boolean", short: "h", default: false } },
});
const minutes = Number(values.minutes);
if (values.help || !(minutes > 0)) {
  console.log(usage);
  process.exitCode = values.help ? 0 : 1;
} else {
  process.exitCode = (await soak(minutes)) ? 0 : 1;
}
