import { BerthApiError } from "@berth/sdk";

/** How the program ends: documented in docs/cli.md. */
export const EXIT = {
  ok: 0,
  /** An operation ran and failed, or something failed that no other number stands for. */
  failed: 1,
  /** The command line or the request is not valid; nothing was done. */
  usage: 2,
  notFound: 3,
  conflict: 4,
  forbidden: 5,
  unavailable: 6,
  timeout: 7,
  /** Differences were found, where `--exit-code` asks for that. */
  different: 8,
  interrupted: 130,
} as const;

/** One of the numbers in EXIT. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What the user is told; it ends the program. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exit: ExitCode;
  readonly hint: string;

  constructor(message: string, hint = "", exit: ExitCode = EXIT.usage) {
    super(message);
    this.hint = hint;
    this.exit = exit;
  }
}

/** The operation ran and failed: other than a refusal, something may have been changed. */
export class OperationFailed extends Error {
  override readonly name = "OperationFailed";
  readonly error: BerthApiError;
  readonly operation: string;

  constructor(error: BerthApiError, operation: string) {
    super(error.message, { cause: error });
    this.error = error;
    this.operation = operation;
  }
}

/** The number that the program ends with for what was thrown. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exit;
  if (!(error instanceof BerthApiError)) return EXIT.failed;
  switch (error.kind) {
    case "invalid":
    case "too_large":
    case "unprocessable":
      return EXIT.usage;
    case "not_found":
      return EXIT.notFound;
    case "conflict":
      return EXIT.conflict;
    case "unauthenticated":
    case "forbidden":
      return EXIT.forbidden;
    case "exhausted":
    case "unavailable":
      return EXIT.unavailable;
    case "timeout":
      return EXIT.timeout;
    case "cancelled":
      return error.code === "CANCELLED" && error.requestId === "" ? EXIT.interrupted : EXIT.failed;
    default:
      return EXIT.failed;
  }
}

/** What is printed about what was thrown: no stack, whatever it is. */
export function describeError(error: unknown): string {
  if (error instanceof OperationFailed) return describeApi(error.error, [["operation", error.operation]]);
  if (error instanceof BerthApiError) return describeApi(error, []);
  if (error instanceof CliError) return lines(`Error: ${error.message}`, [["hint", error.hint]]);
  return lines(`Error: ${error instanceof Error ? error.message : String(error)}`, []);
}

function describeApi(error: BerthApiError, more: readonly (readonly [string, string])[]): string {
  const { object, reason } = error;
  const where = object === undefined ? "" : `${object.kind} ${object.namespace}/${object.name}`;
  return lines(`Error: ${error.message} (${error.code})`, [
    ["field", error.field],
    ["object", where],
    ["reason", reason],
    ["hint", error.hint],
    ...more,
    ["request", error.requestId],
  ]);
}

function lines(first: string, rest: readonly (readonly [string, string])[]): string {
  const told = rest.filter(([, text]) => text !== "").map(([name, text]) => `  ${name}: ${text}`);
  return `${[first, ...told].join("\n")}\n`;
}
