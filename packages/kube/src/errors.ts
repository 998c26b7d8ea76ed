import { BerthError, boundText } from "@berth/base";
import type { ErrorCode } from "@berth/base";

/** The part of a Kubernetes Status that says what went wrong. */
export interface KubeStatus {
  readonly message?: string;
  readonly reason?: string;
}

/**
 * What an answer of the API server means. `details.status` is its HTTP status
 * and `details.reason` Kubernetes' word for it: only this package reads more.
 */
export function fromStatus(httpStatus: number, status: KubeStatus): BerthError {
  const reason = status.reason ?? "";
  const message = boundText(status.message ?? `The API server answers ${String(httpStatus)}.`);
  return new BerthError(codeOf(httpStatus), message, { details: { status: String(httpStatus), reason } });
}

function codeOf(httpStatus: number): ErrorCode {
  switch (httpStatus) {
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "FORBIDDEN";
    case 409:
      return "APPLY_CONFLICT";
    case 429:
      return "EXHAUSTED";
    default:
      return httpStatus >= 500 ? "CLUSTER_UNREACHABLE" : "CLUSTER_REFUSED";
  }
}

/** What a request that got no answer means. */
export function fromNetwork(error: unknown): BerthError {
  if (error instanceof BerthError) return error;
  return new BerthError("CLUSTER_UNREACHABLE", "The API server does not answer.", { cause: error });
}

/** Whether an error is the API server's answer of this HTTP status. */
export function hasStatus(error: unknown, httpStatus: number): boolean {
  return error instanceof BerthError && error.details.status === String(httpStatus);
}

/** Whether the API server has no memory of a resourceVersion: list again. */
export function isGone(error: unknown): boolean {
  return hasStatus(error, 410) || (error instanceof BerthError && error.details.reason === "Expired");
}
