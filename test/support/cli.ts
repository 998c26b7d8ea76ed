import { spawn } from "node:child_process";
import { join } from "node:path";

import { runCli as runProgram } from "@berth/cli";
import type { Output } from "@berth/cli";

import type { TestBerth } from "./berth.ts";

/** How a run of the command line ended. */
export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How it is run beside its arguments. */
export interface CliOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another program file than the sources. */
  readonly program?: string;
  /** Seen for each piece of standard error and output; may end it. */
  readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

const SOURCE = join(import.meta.dirname, "../../packages/cli/src/main.ts");

/** Runs the real program against a test's Berth and namespace, in a process of its own. */
export async function runCli(berth: TestBerth, args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const config = join(berth.charts.path, "cli", "config.yaml");
  const env = { PATH: process.env.PATH, BERTH_SERVER: berth.url, BERTH_CLI_CONFIG: config, ...options.env };
  const child = spawn(process.execPath, [options.program ?? SOURCE, ...args], { env, cwd: berth.charts.path });
  let [stdout, stderr] = ["", ""];
  const hear = (text: string) => options.onOutput?.(text, (signal) => child.kill(signal));
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    hear(text);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    hear(text);
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.stdin ?? "");
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { code, stdout, stderr };
}

/** Runs a command line as the program does, but in this process, which is many times faster. */
export async function callCli(berth: TestBerth, args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const told = { stdout: "", stderr: "" };
  const end = new AbortController();
  const hear = (name: keyof typeof told): Output => ({
    isTerminal: false,
    write(text) {
      told[name] += text;
      options.onOutput?.(text, () => end.abort());
    },
  });
  const config = join(berth.charts.path, "cli", "config.yaml");
  const code = await runProgram(args, {
    env: { BERTH_SERVER: berth.url, BERTH_CLI_CONFIG: config, ...options.env },
    home: berth.charts.path,
    stdout: hear("stdout"),
    stderr: hear("stderr"),
    readStdin: () => Promise.resolve(Buffer.from(options.stdin ?? "")),
    signal: end.signal,
  });
  return { code, ...told };
}
