export { createProgram } from "./program.ts";
export { runCli } from "./run.ts";
export { EXIT } from "./errors.ts";
export type { ExitCode } from "./errors.ts";
export type { Io, Output } from "./io.ts";
