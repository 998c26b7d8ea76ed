/**
 * What kind of failure a code is. Each dialect maps kinds, never single codes,
 * to its own status: HTTP in `edges/shared/errors.ts`, Connect and gRPC beside it.
 */
export type ErrorKind =
  | "invalid" // the request can never succeed as it is
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "method_not_allowed"
  | "conflict" // the state of the target forbids it
  | "too_large"
  | "unsupported_media_type"
  | "unprocessable" // well-formed, but chart or values do not allow it
  | "exhausted" // a limit or queue is full: later
  | "cancelled"
  | "timeout"
  | "unavailable" // a neighbour is away: later
  | "internal";

/** Table row of a code. */
export interface CodeEntry {
  readonly kind: ErrorKind;
  /** One line that is true of each occurrence; the title of the problem details. */
  readonly title: string;
  /** What to do next where the place of the error has nothing better to say. */
  readonly hint: string;
}
