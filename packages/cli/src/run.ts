import { CommanderError } from "commander";

import { CliError, EXIT, describeError, exitCodeOf } from "./errors.ts";
import type { ExitCode } from "./errors.ts";
import type { Io } from "./io.ts";
import { paint } from "./output/text.ts";
import { createProgram } from "./program.ts";

/** Runs a command line and gives the number to end with. Whatever fails is told on standard error, without a stack. */
export async function runCli(args: readonly string[], io: Io): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = createProgram({ io, exit: (one) => (code = one) });
  try {
    await program.parseAsync(withHelmForms(args), { from: "user" });
    return code;
  } catch (error) {
    // Commander has told it already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const told =
      io.signal.aborted && !(error instanceof CliError) ? new CliError("Interrupted.", "", EXIT.interrupted) : error;
    io.stderr.write(describeError(told).replace(/^Error:/, paint(io, io.stderr, "red", "Error:")));
    return exitCodeOf(told);
  }
}

/**
 * Options of Helm's that have a value only behind a `=`: a word after them is an argument. `--wait=legacy` becomes an
 * option of its own; `--dry-run=client` is what `--dry-run` is, and `none` is nothing.
 */
function withHelmForms(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  const options = end < 0 ? args : args.slice(0, end);
  const rewritten = options.flatMap((word) => {
    if (word.startsWith("--wait=")) return ["--wait", "--wait-strategy", word.slice("--wait=".length)];
    if (word === "--dry-run=none") return [];
    return word === "--dry-run=client" || word === "--dry-run=server" ? ["--dry-run"] : [word];
  });
  return [...rewritten, ...args.slice(options.length)];
}
