import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { cacheDirectory, repository, silentProgress } from "@berth/devcluster";
import { parse } from "yaml";

import { runCommand } from "../../packages/devcluster/src/process/command.ts";
import { makeOnce } from "../../packages/devcluster/src/toolchain/once.ts";

const REQUIREMENTS = join(repository, "toolchain/schemathesis/requirements.txt");
const EXCEPTIONS = join(repository, "test/agreement-exceptions.yaml");

/** With what a request that does not fit the document may be refused. */
const REFUSALS = ["400", "401", "403", "404", "409", "413", "415", "422", "5xx"];

/** Why schemathesis cannot run here; undefined where it can. */
export async function whyNoSchemathesis(): Promise<string | undefined> {
  const works = await runCommand("python3", ["-m", "pip", "--version"]).catch(() => undefined);
  return works === undefined ? "there is no Python 3 with pip" : undefined;
}

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

/** Fetches the pinned versions into the cache, and gives their folder. */
async function ensureSchemathesis(): Promise<string> {
  const pins = await readFile(REQUIREMENTS, "utf8");
  return makeOnce({
    root: join(cacheDirectory(), "schemathesis"),
    key: createHash("sha256").update(pins).digest("hex").slice(0, 20),
    progress: silentProgress,
    async make(draft) {
      const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target", draft];
      await runCommand("python3", [...pip, "--requirement", REQUIREMENTS]);
    },
  });
}

/** Runs all checks for so many seconds, and gives whether they passed, and what was said. */
export async function runSchemathesis(options: {
  readonly url: string;
  readonly directory: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly seconds: number;
}): Promise<{ readonly code: number | null; readonly said: string }> {
  const library = await ensureSchemathesis();
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
