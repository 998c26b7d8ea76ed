import { resolve } from "node:path";

import type { Check, Outcome } from "./check/check.ts";
import { cycles } from "./check/cycles.ts";
import { audit, goLicences, lockfile, npmLicences } from "./check/dependencies.ts";
import { generated, protoLint } from "./check/generated.ts";
import { goFormat, goSize, goVet, staticcheck } from "./check/go.ts";
import { cliPage, errorsPage } from "./check/pages.ts";
import { places } from "./check/places.ts";
import { deadCode, format, lint, types } from "./check/typescript.ts";

/** All checks, the slow ones first, so that the lanes end together. */
const CHECKS: readonly Check[] = [
  lint,
  goVet,
  staticcheck,
  types,
  deadCode,
  format,
  generated,
  protoLint,
  cycles,
  goFormat,
  goSize,
  goLicences,
  npmLicences,
  lockfile,
  places,
  errorsPage,
  cliPage,
  audit,
];

/** Checks that run at the same time. */
const LANES = 2;

/** Characters of one failure's text that are shown. */
const MAX_TEXT = 20_000;

interface Result {
  readonly check: Check;
  readonly outcome: Outcome;
}

/** `node tools/check.ts [name…]`: runs all checks, or those named. */
async function main(root: string, names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !CHECKS.some((check) => check.name === name));
  if (unknown.length > 0) {
    console.error(`No check is called ${unknown.join(", ")}. There are: ${CHECKS.map(({ name }) => name).join(", ")}.`);
    return 2;
  }
  const waiting = CHECKS.filter(({ name }) => names.length === 0 || names.includes(name));
  const results: Result[] = [];
  const lane = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      results.push(await runTimed(check, root));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return summarise(results);
}

async function runTimed(check: Check, root: string): Promise<Result> {
  const start = performance.now();
  const outcome = await check.run(root).catch((error: unknown): Outcome => {
    return { state: "failed", text: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const why = outcome.state === "not run" ? `  ${outcome.text}` : "";
  console.log(`${outcome.state.padEnd(8)} ${check.name.padEnd(13)} ${seconds.padStart(6)} s${why}`);
  return { check, outcome };
}

function summarise(results: readonly Result[]): number {
  const count = (state: Outcome["state"]) => results.filter(({ outcome }) => outcome.state === state).length;
  for (const { check, outcome } of results) {
    if (outcome.state === "failed") console.log(`\n── ${check.name}\n${outcome.text.slice(0, MAX_TEXT)}`);
  }
  console.log(`\n${count("passed")} passed, ${count("failed")} failed, ${count("not run")} not run`);
  return count("failed") === 0 ? 0 : 1;
}

process.exitCode = await main(resolve(import.meta.dirname, ".."), process.argv.slice(2));
