import { spawn } from "node:child_process";
import { delimiter, dirname, join } from "node:path";

import type { Outcome } from "./check.ts";

/** How a program ended, and all it said. */
export interface Ending {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a program is given beside its arguments. */
export interface CommandOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Environment of Go programs in a workspace (`off` for none): the flags that
 * the engine is built with, so that vet, staticcheck and the build share one cache.
 */
export function goEnvironment(workspace: string): Record<string, string> {
  return { CGO_ENABLED: "0", GOFLAGS: "-trimpath -buildvcs=false", GOWORK: workspace };
}

/** Runs a program to its end, with this Node and the tree's own programs first in PATH. */
export function runCommand(file: string, args: readonly string[], options: CommandOptions): Promise<Ending> {
  const path = [dirname(process.execPath), join(options.cwd, "node_modules/.bin"), process.env["PATH"] ?? ""];
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...process.env, NO_COLOR: "1", PATH: path.join(delimiter), ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
    child.stdout.on("data", (chunk: Buffer) => chunks.stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.stderr.push(chunk));
    const end = (code: number, more = "") => {
      const text = (name: "stdout" | "stderr") => Buffer.concat(chunks[name]).toString("utf8");
      resolve({ code, stdout: text("stdout"), stderr: text("stderr") + more });
    };
    child.once("error", (error) => end(127, `${file}: ${error.message}`));
    child.once("close", (code) => end(code ?? 1));
  });
}

/** Runs a program as a check: it passes where the program ends with 0. */
export async function checkCommand(file: string, args: readonly string[], options: CommandOptions): Promise<Outcome> {
  const ending = await runCommand(file, args, options);
  if (ending.code === 0) return { state: "passed" };
  return { state: "failed", text: [ending.stdout, ending.stderr].join("\n").trim() };
}
