import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { repository } from "@berth/devcluster";
import { parse } from "yaml";

import { ensurePython } from "./python.ts";

const EXCEPTIONS = join(repository, "test/agreement-exceptions.yaml");

/** With what a request that does not fit the document may be refused. */
const REFUSALS = ["400", "401", "403", "404", "409", "413", "415", "422", "5xx"];

/** Where document and server need not agree. */
export interface Exception {
  readonly reason: string;
  readonly check: string;
  /** As `GET /path/{name}`. */
  readonly operations: readonly string[];
}

export async function readExceptions(): Promise<readonly Exception[]> {
  return parse(await readFile(EXCEPTIONS, "utf8")) as readonly Exception[];
}

/** Runs all checks for so many seconds, and gives whether they passed, and what was said. */
export async function runSchemathesis(options: {
  readonly url: string;
  readonly directory: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly seconds: number;
}): Promise<{ readonly code: number | null; readonly said: string }> {
  const library = await ensurePython("schemathesis");
  const config = join(options.directory, "schemathesis.toml");
  await writeFile(config, toConfig(await readExceptions(), options.parameters));
  const args = ["--config-file", config, "run", `${options.url}/openapi.json`, "--no-color"];
  const bounds = ["--max-time", String(options.seconds), "--request-timeout", "30", "--continue-on-failure"];
  const phases = ["--phases", "examples,coverage,fuzzing", "--warnings", "off"];
  // The same requests each time, unless somebody looks for new ones.
  const same =
    process.env["BERTH_AGREEMENT_SECONDS"] === undefined
      ? ["--generation-deterministic"]
      : ["--generation-database", "none"];
  const child = spawn("python3", ["-m", "schemathesis.cli", ...args, ...bounds, ...phases, ...same], {
    cwd: options.directory,
    env: { PATH: process.env["PATH"], PYTHONPATH: library, HOME: options.directory, PYTHONUTF8: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, "exit") as Promise<[number | null]>]);
  return { code, said };
}

function toConfig(exceptions: readonly Exception[], parameters: Readonly<Record<string, string>>): string {
  const quote = (value: string) => JSON.stringify(value);
  const settings = new Map<string, string[]>();
  for (const { check, operations } of exceptions) {
    for (const operation of operations) {
      const line = check === "all" ? "enabled = false" : `checks.${check}.enabled = false`;
      settings.set(operation, [...(settings.get(operation) ?? []), line]);
    }
  }
  const tables = [...settings].map(([operation, lines]) => {
    // By its name: of a method and a path either would do.
    return `[[operations]]\ninclude-name = ${quote(operation)}\n${lines.join("\n")}\n`;
  });
  const given = Object.entries(parameters).map(([name, value]) => `${quote(name)} = ${quote(value)}`);
  const checks = `[checks]\nenabled = true\nnegative_data_rejection.expected-statuses = ${JSON.stringify(REFUSALS)}\n`;
  return ["[parameters]", ...given, "", checks, ...tables].join("\n");
}
