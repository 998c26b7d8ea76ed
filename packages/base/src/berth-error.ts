import { describeCode } from "./error-codes.ts";
import type { ErrorCode } from "./error-codes.ts";
import type { ErrorKind } from "./error-kinds.ts";

/** Names an object of a cluster. `namespace` is empty for a cluster-scoped one. */
export interface ObjectName {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** What an error says beyond code and message. */
export interface BerthErrorInit {
  /** Field of the request at fault, dotted as in the proto: `chart.version`. */
  readonly field?: string | undefined;
  /** What to do next; the code's own hint where absent. */
  readonly hint?: string | undefined;
  /** The object at fault. */
  readonly object?: ObjectName | undefined;
  /** The cluster's own words about that object. */
  readonly reason?: string | undefined;
  /** Numbers and names that belong to the code, such as `size` and `limit`. */
  readonly details?: Readonly<Record<string, string>> | undefined;
  /** Kept for the log; never shown to a caller. */
  readonly cause?: unknown;
}

/**
 * The one error class. Whatever is thrown across a folder's door is one of
 * these, with a code of the closed list; its message is fit for the caller: no
 * stack, no path of the machine, no secret.
 */
export class BerthError extends Error {
  override readonly name = "BerthError";
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly hint: string;
  readonly object: ObjectName | undefined;
  readonly reason: string | undefined;
  readonly details: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, init: BerthErrorInit = {}) {
    super(message, { cause: init.cause });
    this.code = code;
    this.field = init.field;
    this.hint = init.hint ?? describeCode(code).hint;
    this.object = init.object;
    this.reason = init.reason;
    this.details = init.details ?? {};
  }

  /** The code's kind, which dialects map to their own status. */
  get kind(): ErrorKind {
    return describeCode(this.code).kind;
  }
}

/** Gives an error of ours back as it is, and makes INTERNAL out of anything else, kept as its cause. */
export function asBerthError(error: unknown): BerthError {
  if (error instanceof BerthError) return error;
  return new BerthError("INTERNAL", "Something failed inside Berth.", { cause: error });
}
