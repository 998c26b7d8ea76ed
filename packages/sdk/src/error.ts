import { describeCode, isErrorCode } from "@berth/base";
import type { ErrorKind, ObjectName } from "@berth/base";
import { errorDetails } from "@berth/contract";
import type { operation } from "@berth/contract";
import { Code, ConnectError } from "@connectrpc/connect";

/** What an error says beyond its message. */
export interface BerthApiErrorInit {
  readonly code: string;
  readonly kind?: ErrorKind | undefined;
  readonly field?: string | undefined;
  readonly hint?: string | undefined;
  readonly requestId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly object?: ObjectName | undefined;
  readonly reason?: string | undefined;
  readonly cause?: unknown;
}

/**
 * The one error of this package. `code` is Berth's stable code (docs/errors.md), or one of the client's own: UNREACHABLE
 * where there was no answer, DEADLINE_EXCEEDED and CANCELLED by the caller's own time and signal, UNEXPECTED_ANSWER
 * where something else than Berth answered.
 */
export class BerthApiError extends Error {
  override readonly name = "BerthApiError";
  readonly code: string;
  /** What kind of failure it is: of an unknown code too. */
  readonly kind: ErrorKind;
  /** Field of the request at fault, as in the proto; empty where none is. */
  readonly field: string;
  /** What to do next. */
  readonly hint: string;
  /** Id of the request, as Berth's log has it; empty where no answer came. */
  readonly requestId: string;
  /** Milliseconds after which Berth wants to be asked again; undefined where it did not say. */
  readonly retryAfterMs: number | undefined;
  /** The object at fault. */
  readonly object: ObjectName | undefined;
  /** The cluster's own words about that object. */
  readonly reason: string;

  constructor(message: string, init: BerthApiErrorInit) {
    super(message, { cause: init.cause });
    const known = isErrorCode(init.code) ? describeCode(init.code) : undefined;
    this.code = init.code;
    this.kind = known?.kind ?? init.kind ?? "internal";
    this.field = init.field ?? "";
    this.hint = init.hint ?? known?.hint ?? "";
    this.requestId = init.requestId ?? "";
    this.retryAfterMs = init.retryAfterMs;
    this.object = init.object;
    this.reason = init.reason ?? "";
  }
}

const KINDS: Readonly<Partial<Record<Code, ErrorKind>>> = {
  [Code.InvalidArgument]: "invalid",
  [Code.Unauthenticated]: "unauthenticated",
  [Code.PermissionDenied]: "forbidden",
  [Code.NotFound]: "not_found",
  [Code.Unimplemented]: "method_not_allowed",
  [Code.FailedPrecondition]: "conflict",
  [Code.ResourceExhausted]: "exhausted",
};

/** Makes an error of ours out of whatever a call has thrown. */
export function toApiError(error: unknown): BerthApiError {
  if (error instanceof BerthApiError) return error;
  const connect = ConnectError.from(error);
  // What REST has answered comes through Connect's hands.
  if (connect.cause instanceof BerthApiError) return connect.cause;
  const [info] = connect.findDetails(errorDetails.ErrorInfoSchema);
  if (info === undefined) return fromClient(connect);
  const [violation] = connect.findDetails(errorDetails.BadRequestSchema).flatMap((one) => one.fieldViolations);
  const [retry] = connect.findDetails(errorDetails.RetryInfoSchema);
  const [request] = connect.findDetails(errorDetails.RequestInfoSchema);
  return new BerthApiError(connect.rawMessage, {
    code: info.reason,
    kind: KINDS[connect.code],
    field: violation?.field,
    hint: info.metadata["hint"],
    requestId: request?.requestId,
    retryAfterMs: retry?.retryDelay === undefined ? undefined : Number(retry.retryDelay.seconds) * 1000,
    reason: info.metadata["objectReason"],
    cause: error,
  });
}

/** An error that Berth has not made: of the caller's own signal, of the network, or of something between. */
function fromClient(error: ConnectError): BerthApiError {
  const requestId = error.metadata.get("x-request-id") ?? undefined;
  const isNetwork = error.code === Code.Unknown && error.cause instanceof TypeError;
  if (isNetwork || error.code === Code.Unavailable || error.code === Code.Aborted) return unreachable(error);
  if (error.code === Code.Canceled) {
    return new BerthApiError("The call was given up.", {
      code: "CANCELLED",
      kind: "cancelled",
      hint: "",
      cause: error,
    });
  }
  if (error.code === Code.DeadlineExceeded) {
    return new BerthApiError("There was no answer in time.", {
      ...{ code: "DEADLINE_EXCEEDED", kind: "timeout", cause: error },
      hint: "Allow more time, or ask what became of it.",
    });
  }
  return new BerthApiError("The answer is none of Berth's.", {
    ...{ code: "UNEXPECTED_ANSWER", kind: KINDS[error.code], requestId, cause: error },
    hint: "Check that the URL leads to Berth.",
  });
}

/** No answer came. */
export function unreachable(cause: unknown): BerthApiError {
  return new BerthApiError("Berth cannot be reached.", {
    ...{ code: "UNREACHABLE", kind: "unavailable", cause },
    hint: "Check the URL, and that Berth runs there.",
  });
}

/** Problem details (RFC 9457), as REST answers them. */
interface Problem {
  readonly code?: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly field?: string;
  readonly reason?: string;
  readonly request_id?: string;
  readonly details?: { readonly retryAfter?: string };
}

/** Makes an error out of problem details; UNEXPECTED_ANSWER where they are none. */
export function fromProblem(problem: unknown): BerthApiError {
  const { code, detail, hint, field, reason, request_id, details } = (problem ?? {}) as Problem;
  if (typeof code !== "string") {
    return new BerthApiError("The answer is none of Berth's.", {
      ...{ code: "UNEXPECTED_ANSWER", hint: "Check that the URL leads to Berth." },
    });
  }
  const seconds = Number(details?.retryAfter ?? 0);
  const retryAfterMs = seconds > 0 ? seconds * 1000 : undefined;
  return new BerthApiError(detail ?? code, { code, hint, field, reason, requestId: request_id, retryAfterMs });
}

/** Throws what an operation ended with where it did not succeed; the operation itself otherwise. */
export function requireSuccess(done: operation.Operation): operation.Operation {
  if (done.error === undefined) return done;
  const { code, message, hint, field, object, reason } = done.error;
  throw new BerthApiError(message, { code, hint, field, reason, object, requestId: done.requestId });
}
