import { CommanderError } from "commander";

import { CliError, EXIT, describeError, exitCodeOf } from "./errors.ts";
import type { ExitCode } from "./errors.ts";
import { toArguments } from "./helm/arguments.ts";
import { refusalOf } from "./helm/refused.ts";
import type { Io } from "./io.ts";
import { paint, withColor } from "./output/color.ts";
import { createProgram } from "./program.ts";

/** Runs a command line and gives the number to end with. Whatever fails is told on standard error, without a stack. */
export async function runCli(args: readonly string[], given: Io): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const io = withColor(given, args);
  const program = createProgram({ io, exit: (one) => (code = one) });
  try {
    await program.parseAsync(toArguments(program, args), { from: "user" });
    return code;
  } catch (error) {
    // Commander has told it already, but knows nothing of Helm.
    if (error instanceof CommanderError) {
      const hint = refusalOf(/unknown (?:option|command) '([^']+)'/.exec(error.message)?.[1] ?? "");
      if (hint !== undefined) io.stderr.write(`  hint: ${hint}\n`);
      return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    }
    const told =
      io.signal.aborted && !(error instanceof CliError) ? new CliError("Interrupted.", "", EXIT.interrupted) : error;
    io.stderr.write(describeError(told).replace(/^Error:/, paint(io, io.stderr, "red", "Error:")));
    return exitCodeOf(told);
  }
}
