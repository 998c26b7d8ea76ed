import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
/** What a command prints at most: 16 MiB. */
const MAX_OUTPUT = 16 * 1024 * 1024;

/** Where and how a command runs. */
export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds; no limit unless given. */
  readonly timeout?: number;
}

/** Runs a command and gives what it prints. Rejects with its last words where it fails. */
export async function runCommand(file: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  try {
    const { stdout } = await run(file, [...args], { maxBuffer: MAX_OUTPUT, ...options });
    return stdout;
  } catch (error) {
    const { stderr = "", message } = error as { stderr?: string; message: string };
    const words = stderr.trim() === "" ? message : stderr.trim().split("\n").slice(-10).join("\n");
    throw new Error(`\`${file} ${args[0] ?? ""}\` failed:\n${words}`, { cause: error });
  }
}

/** Whether a program can be called by its name. */
export async function isOnPath(program: string): Promise<boolean> {
  return run("sh", ["-c", 'command -v "$1"', "sh", program]).then(
    () => true,
    () => false,
  );
}
