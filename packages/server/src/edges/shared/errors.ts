import { BerthError, asBerthError, describeCode } from "@berth/base";
import type { ErrorKind, Logger } from "@berth/base";
import { errorDetails } from "@berth/contract";
import { Code, ConnectError } from "@connectrpc/connect";

type OutgoingDetail = Extract<NonNullable<ConstructorParameters<typeof ConnectError>[3]>[number], { desc: unknown }>;

const HTTP_STATUS = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  conflict: 409,
  too_large: 413,
  unsupported_media_type: 415,
  unprocessable: 422,
  exhausted: 429,
  cancelled: 409,
  internal: 500,
  unavailable: 503,
  timeout: 504,
} as const satisfies Record<ErrorKind, number>;

const CONNECT_CODE = {
  invalid: Code.InvalidArgument,
  unauthenticated: Code.Unauthenticated,
  forbidden: Code.PermissionDenied,
  not_found: Code.NotFound,
  method_not_allowed: Code.Unimplemented,
  conflict: Code.FailedPrecondition,
  too_large: Code.InvalidArgument,
  unsupported_media_type: Code.InvalidArgument,
  unprocessable: Code.FailedPrecondition,
  exhausted: Code.ResourceExhausted,
  cancelled: Code.Canceled,
  internal: Code.Internal,
  unavailable: Code.Unavailable,
  timeout: Code.DeadlineExceeded,
} as const satisfies Record<ErrorKind, Code>;

/** gRPC's number of an error. */
export function toGrpcCode(error: BerthError): number {
  return CONNECT_CODE[error.kind];
}

/** The HTTP status of a kind of errors. */
export function statusOfKind(kind: ErrorKind): number {
  return HTTP_STATUS[kind];
}

/** The HTTP status of an error. */
export function toHttpStatus(error: BerthError): number {
  return statusOfKind(error.kind);
}

/** Problem details (RFC 9457) of an error. */
export function toProblem(error: BerthError, requestId: string): Record<string, unknown> {
  const { code, message, hint, field, object, reason, details } = error;
  return {
    type: `https://berth.dev/errors#${code.toLowerCase()}`,
    title: describeCode(code).title,
    status: toHttpStatus(error),
    detail: message,
    code,
    hint,
    ...(field === undefined ? {} : { field }),
    ...(object === undefined ? {} : { object }),
    ...(reason === undefined ? {} : { reason }),
    ...(Object.keys(details).length === 0 ? {} : { details }),
    request_id: requestId,
  };
}

/**
 * The same error for Connect and gRPC: code, field and hint stand in its metadata
 * and, as google.rpc.ErrorInfo, BadRequest and RetryInfo, in its details.
 */
export function toConnectError(error: BerthError, requestId: string): ConnectError {
  const metadata = new Headers({ "berth-code": error.code, "berth-hint": encodeURI(error.hint) });
  if (error.field !== undefined) metadata.set("berth-field", encodeURI(error.field));
  return new ConnectError(error.message, CONNECT_CODE[error.kind], metadata, toDetails(error, requestId));
}

function toDetails(error: BerthError, requestId: string): OutgoingDetail[] {
  const { code, message, hint, field, object, reason, details } = error;
  const where = object === undefined ? {} : { object: `${object.kind} ${object.namespace}/${object.name}` };
  const info = {
    reason: code,
    domain: "berth.dev",
    metadata: { ...details, hint, ...where, ...(reason === undefined ? {} : { objectReason: reason }) },
  };
  const violation = { field: field ?? "", description: message, reason: code };
  const seconds = BigInt(details.retryAfter ?? 0);
  return [
    { desc: errorDetails.ErrorInfoSchema, value: info },
    ...(field === undefined ? [] : [{ desc: errorDetails.BadRequestSchema, value: { fieldViolations: [violation] } }]),
    ...(seconds === 0n ? [] : [{ desc: errorDetails.RetryInfoSchema, value: { retryDelay: { seconds } } }]),
    { desc: errorDetails.RequestInfoSchema, value: { requestId } },
  ];
}

/** Makes an error of ours out of anything; what is our own fault goes into the log with its cause. */
export function toBerthError(error: unknown, log: Logger, requestId: string): BerthError {
  const ours = fromFastify(error) ?? asBerthError(error);
  if (ours.kind === "internal") log.error({ requestId, error: ours.cause ?? ours }, "a request failed inside Berth");
  return ours;
}

function fromFastify(error: unknown): BerthError | undefined {
  if (error instanceof BerthError || !(error instanceof Error) || !("code" in error)) return undefined;
  switch (error.code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new BerthError("BODY_TOO_LARGE", "The body is larger than the limit of 2097152 bytes.", { cause: error });
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new BerthError("UNSUPPORTED_MEDIA_TYPE", "The content type is not served here.", { cause: error });
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
    case "ECONNRESET":
      return new BerthError("MALFORMED_BODY", "The body ended in the middle.", { cause: error });
    default:
      return undefined;
  }
}
