import type { CodeEntry } from "./error-kinds.ts";
import { EXPOSURE_CODES } from "./exposure-codes.ts";
import { LIVE_CODES } from "./live-codes.ts";

/**
 * The closed list of error codes. A code is stable: it never changes its
 * meaning. `docs/errors.md` is made of this table and a test keeps it true.
 */
export const ERROR_CODES = {
  INVALID_ARGUMENT: {
    kind: "invalid",
    title: "A field of the request is not valid",
    hint: "Correct the field that is named and send the request again.",
  },
  UNKNOWN_FIELD: {
    kind: "invalid",
    title: "The request has a field that does not exist",
    hint: "Remove the field or correct its name; docs/errors.md names the reference.",
  },
  MALFORMED_BODY: {
    kind: "invalid",
    title: "The body cannot be read",
    hint: "Send one JSON object with the content type application/json.",
  },
  BODY_TOO_LARGE: {
    kind: "too_large",
    title: "The body is larger than the limit",
    hint: "Send less; a large chart belongs into a repository.",
  },
  UNSUPPORTED_MEDIA_TYPE: {
    kind: "unsupported_media_type",
    title: "The content type is not served here",
    hint: "Send application/json.",
  },
  ROUTE_NOT_FOUND: {
    kind: "not_found",
    title: "There is nothing at this path",
    hint: "Compare the path with the reference.",
  },
  METHOD_NOT_ALLOWED: {
    kind: "method_not_allowed",
    title: "This path does not serve this method",
    hint: "Use a method of the Allow header.",
  },
  UNAUTHENTICATED: { kind: "unauthenticated", title: "The caller is not known", hint: "Present valid credentials." },
  FORBIDDEN: {
    kind: "forbidden",
    title: "The caller may not do this",
    hint: "Ask whoever administers the cluster for the right that is named.",
  },
  CLUSTER_NOT_FOUND: {
    kind: "not_found",
    title: "There is no cluster of this name",
    hint: "List the clusters and use one of their names.",
  },
  CLUSTER_EXISTS: {
    kind: "conflict",
    title: "There is a cluster of this name already",
    hint: "Choose another name, or update the cluster that is there.",
  },
  CLUSTER_UNREACHABLE: {
    kind: "unavailable",
    title: "The cluster's API server does not answer",
    hint: "Try again once the cluster answers; what was begun is settled by then.",
  },
  CLUSTER_REFUSED: {
    kind: "unprocessable",
    title: "The API server refused an object",
    hint: "Correct the chart or the values as the API server says.",
  },
  EXPOSURES_NOT_SERVED: {
    kind: "unprocessable",
    title: "The cluster does not serve Berth's definitions",
    hint: "Have its administrator install them: berth clusters bootstrap prints them.",
  },
  NAMESPACE_NOT_FOUND: {
    kind: "not_found",
    title: "The namespace does not exist",
    hint: "Create it, or ask for create_namespace.",
  },
  RELEASE_NOT_FOUND: {
    kind: "not_found",
    title: "There is no release of this name",
    hint: "List the releases of the namespace.",
  },
  ...LIVE_CODES,
  OPERATION_NOT_FOUND: {
    kind: "not_found",
    title: "There is no operation of this name",
    hint: "Ended operations are kept for a while only; read the release instead.",
  },
  REVISION_NOT_FOUND: {
    kind: "not_found",
    title: "The release has no such revision",
    hint: "Read the release's history.",
  },
  RELEASE_EXISTS: {
    kind: "conflict",
    title: "A release of this name exists",
    hint: "Upgrade it, choose another name, or uninstall it first.",
  },
  RELEASE_PENDING: {
    kind: "conflict",
    title: "Another operation holds the release",
    hint: "Wait until it has ended and try again; where nobody works on it any more, unlock it (POST …/releases/NAME:unlock).",
  },
  RELEASE_MANAGED: {
    kind: "conflict",
    title: "Flux or Argo CD manages the release",
    hint: "Change it where they take it from, or ask for options.force_managed; they may undo what you do.",
  },
  RELEASE_NOT_STUCK: {
    kind: "conflict",
    title: "The release is not stuck",
    hint: "Read the release: `stuck` says whether there is something to unlock.",
  },
  RELEASE_TOO_LARGE: {
    kind: "unprocessable",
    title: "Helm cannot store a release of this size",
    hint: "Make the chart smaller, or split it.",
  },
  REVISION_STALE: {
    kind: "conflict",
    title: "The release has changed meanwhile",
    hint: "Read the release and repeat the request with its present revision.",
  },
  PLAN_STALE: {
    kind: "conflict",
    title: "The plan is no longer of what would be done",
    hint: "Plan again, look at what has changed, and send the new token.",
  },
  FENCED: {
    kind: "conflict",
    title: "A newer holder has taken the release over",
    hint: "Read the release; its present holder finishes the work.",
  },
  HOLD_LOST: {
    kind: "conflict",
    title: "The hold on the release ran out",
    hint: "Read the release; whoever holds it now finishes the work.",
  },
  CHART_NOT_FOUND: {
    kind: "not_found",
    title: "The chart was not found",
    hint: "Check the chart's name, version and repository.",
  },
  CHART_INVALID: {
    kind: "unprocessable",
    title: "The chart cannot be used",
    hint: "Correct the chart; `helm lint` shows most mistakes.",
  },
  CHART_UNVERIFIED: {
    kind: "unprocessable",
    title: "The chart is not signed by a trusted key",
    hint: "Sign it (helm package --sign, cosign sign --key) with a key that Berth trusts, or ask who runs Berth to trust its key.",
  },
  CHART_DIGEST_MISMATCH: {
    kind: "unprocessable",
    title: "The chart's archive has another digest",
    hint: "Check what the repository serves before you trust it.",
  },
  CHART_FETCH_FAILED: {
    kind: "unavailable",
    title: "The chart could not be fetched",
    hint: "Check the repository's address and credentials, and that it answers.",
  },
  CHART_SOURCE_REFUSED: {
    kind: "forbidden",
    title: "Charts from there are not allowed",
    hint: "Use an allowed repository, or ask for its host to be allowed.",
  },
  CHART_SOURCE_NOT_FOUND: {
    kind: "not_found",
    title: "The namespace has no chart source of this name",
    hint: "List the chart sources of the namespace.",
  },
  CHART_SOURCE_EXISTS: {
    kind: "conflict",
    title: "A chart source of this name exists",
    hint: "Update it, or choose another name.",
  },
  SECRET_NOT_FOUND: {
    kind: "not_found",
    title: "A Secret that is named does not exist",
    hint: "Create it in the same namespace, or name another.",
  },
  GENERATION_STALE: {
    kind: "conflict",
    title: "The object has changed meanwhile",
    hint: "Read it and repeat the request with its present generation.",
  },
  KUBE_VERSION_UNSUPPORTED: {
    kind: "unprocessable",
    title: "The chart does not support this Kubernetes version",
    hint: "Use a version of the chart made for this cluster.",
  },
  VALUES_INVALID: {
    kind: "invalid",
    title: "The values cannot be parsed",
    hint: "Correct the values at the place that is named.",
  },
  VALUES_SCHEMA: {
    kind: "unprocessable",
    title: "The chart's schema rejects the values",
    hint: "Correct the values that are named.",
  },
  TEMPLATE_FAILED: {
    kind: "unprocessable",
    title: "A template of the chart failed",
    hint: "Set the values the template asks for, or correct the chart.",
  },
  RENDER_TIMEOUT: {
    kind: "unprocessable",
    title: "Rendering the chart took too long",
    hint: "Make the chart's templates cheaper; this chart is refused from now on.",
  },
  API_REMOVED: {
    kind: "unprocessable",
    title: "The chart uses an API that this cluster does not serve",
    hint: "Use the API that replaced it, or install the CRD first.",
  },
  OBJECT_EXISTS: {
    kind: "conflict",
    title: "An object of the chart exists and belongs to somebody else",
    hint: "Remove it, rename the release, or ask for take_ownership.",
  },
  APPLY_CONFLICT: {
    kind: "conflict",
    title: "Another field manager owns a field of an object",
    hint: "Settle who owns the field, or ask for force_conflicts.",
  },
  HOOK_FAILED: {
    kind: "unprocessable",
    title: "A hook failed",
    hint: "Read the hook's log, correct it, and try again.",
  },
  TEST_FAILED: { kind: "unprocessable", title: "A test of the release failed", hint: "Read the test's log." },
  WAIT_TIMEOUT: {
    kind: "timeout",
    title: "An object did not become ready in time",
    hint: "Look at the object that is named; raise the timeout if it only needs longer.",
  },
  CANCELLED: {
    kind: "cancelled",
    title: "The operation was cancelled",
    hint: "Read the release: it has a true ending.",
  },
  DEADLINE_EXCEEDED: {
    kind: "timeout",
    title: "The request took longer than its deadline",
    hint: "Read the state of what was asked before you repeat it.",
  },
  ENGINE_LOST: {
    kind: "unavailable",
    title: "The engine died while it worked",
    hint: "Read the release: it is being settled. Then repeat the request.",
  },
  INTERRUPTED: {
    kind: "unavailable",
    title: "The operation was interrupted too often",
    hint: "Read the release: it has a true ending. Then find out what ends Berth or its engine, and retry.",
  },
  IDEMPOTENCY_KEY_REUSED: {
    kind: "conflict",
    title: "The idempotency key belongs to another request",
    hint: "Take a new key for a new request.",
  },
  OPERATION_NOT_RETRYABLE: {
    kind: "conflict",
    title: "The operation cannot be repeated",
    hint: "Send the request again.",
  },
  ...EXPOSURE_CODES,
  UNAVAILABLE: { kind: "unavailable", title: "Berth cannot serve this now", hint: "Try again shortly." },
  EXHAUSTED: { kind: "exhausted", title: "A limit is reached", hint: "Try again after the time in Retry-After." },
  NOT_READY: {
    kind: "unavailable",
    title: "The answer is not known yet",
    hint: "Try again shortly; the cache is still filling.",
  },
  TOO_MANY_REVISIONS: {
    kind: "unavailable",
    title: "The cluster has more stored revisions than Berth follows",
    hint: "Have old revisions removed (a smaller history_max, releases that nobody needs uninstalled), narrow the cluster by watch_namespaces, or raise releases.maxStoredRevisions.",
  },
  INTERNAL: { kind: "internal", title: "Berth failed", hint: "Report it with the request id." },
} as const satisfies Record<string, CodeEntry>;

/** A stable code of the closed list. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** Whether a foreign text is a code of the list. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}

/** Table row of a code. */
export function describeCode(code: ErrorCode): CodeEntry {
  return ERROR_CODES[code];
}
