import { BerthError, boundText } from "@berth/base";
import type { ErrorCode } from "@berth/base";

/** The part of a Kubernetes Status that says what went wrong. */
export interface KubeStatus {
  readonly message?: string;
  readonly reason?: string;
}

/**
 * What an answer of the API server means. `details.status` is its HTTP status,
 * `details.reason` Kubernetes' word for it, `details.retryAfter` the seconds it
 * asks to wait: only this package reads more.
 */
export function fromStatus(httpStatus: number, status: KubeStatus, retryAfter?: string): BerthError {
  const reason = boundText(status.reason ?? "", 100);
  const message = boundText(status.message ?? `The API server answers ${httpStatus}.`);
  const wait = retryAfter !== undefined && /^\d{1,5}$/.test(retryAfter) ? { retryAfter } : {};
  // The API server calls an applied field that its schema does not know its own failure.
  const isUnknownField = message.startsWith("failed to create typed patch object");
  return new BerthError(isUnknownField ? "CLUSTER_REFUSED" : codeOf(httpStatus, reason), message, {
    details: { status: String(httpStatus), reason, ...wait },
  });
}

function codeOf(httpStatus: number, reason: string): ErrorCode {
  switch (httpStatus) {
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "FORBIDDEN";
    case 409:
      return reason === "AlreadyExists" ? "OBJECT_EXISTS" : "APPLY_CONFLICT";
    case 429:
      return "EXHAUSTED";
    default:
      return httpStatus >= 500 ? "CLUSTER_UNREACHABLE" : "CLUSTER_REFUSED";
  }
}

/** What a request that got no answer means; `details.reason` is the system's word for it, such as ECONNREFUSED. */
export function fromNetwork(error: unknown): BerthError {
  if (error instanceof BerthError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = /^[A-Z0-9_]{1,60}$/.test(code) ? code : "";
  return new BerthError("CLUSTER_UNREACHABLE", "The API server does not answer.", {
    cause: error,
    details: { reason },
  });
}

/** What it means that nothing came in time. */
export function timedOut(): BerthError {
  return new BerthError("CLUSTER_UNREACHABLE", "The API server did not answer in time.", {
    details: { reason: "TIMEOUT" },
  });
}

/** Whether an error says that nothing came in time: no connection, or no answer. */
export function isTimeout(error: unknown): boolean {
  const reason = error instanceof BerthError ? error.details.reason : undefined;
  return reason === "TIMEOUT" || reason === "UND_ERR_CONNECT_TIMEOUT" || reason === "ETIMEDOUT";
}

/** Whether an error is the API server's answer of this HTTP status. */
export function hasStatus(error: unknown, httpStatus: number): boolean {
  return error instanceof BerthError && error.details.status === String(httpStatus);
}

/** Whether the object, its namespace or its API does not exist. */
export function isNotFound(error: unknown): boolean {
  return hasStatus(error, 404);
}

/** Whether somebody else wrote the object meanwhile, or made it first. */
export function isConflict(error: unknown): boolean {
  return hasStatus(error, 409);
}

/** Whether the API server has no memory of a resourceVersion: list again. */
export function isGone(error: unknown): boolean {
  return hasStatus(error, 410) || (error instanceof BerthError && error.details.reason === "Expired");
}

/** Milliseconds the API server asked to wait; 0 where it did not. */
export function retryAfterMs(error: unknown): number {
  return error instanceof BerthError ? Number(error.details.retryAfter ?? "0") * 1000 : 0;
}
