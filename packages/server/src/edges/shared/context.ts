import { randomUUID } from "node:crypto";

import { BerthError } from "@berth/base";

import type { RequestContext } from "../../domain/operations/index.ts";
import type { Hints } from "./handler.ts";

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
/** W3C Trace Context, version 00. */
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Takes the caller's request id and trace context where they are fit, and makes an id where not. */
export function toContext(header: (name: string) => string | undefined): RequestContext {
  const requestId = header("x-request-id") ?? "";
  const traceparent = header("traceparent") ?? "";
  return {
    requestId: REQUEST_ID.test(requestId) ? requestId : randomUUID(),
    traceparent: TRACEPARENT.test(traceparent) ? traceparent : "",
  };
}

/** Callers of the old dialects know no operations: they wait, at most as long as a `timeout` may be, in milliseconds. */
export const UNTIL_ENDED = 86_400_000;
/** Seconds that a caller may wait for an operation. */
const MAX_WAIT = 600;

/** What the headers of a write say beside its message: `Idempotency-Key` and `Prefer: wait=30`. */
export function toHints(header: (name: string) => string | undefined): Hints {
  const wait = /(?:^|[,;\s])wait=(\d{1,9})(?:$|[,;\s])/.exec(header("prefer") ?? "")?.[1];
  const key = header("idempotency-key")?.replace(/^"(.*)"$/, "$1");
  if (key !== undefined && !/^[!-~]{1,255}$/.test(key)) {
    throw new BerthError("INVALID_ARGUMENT", "The Idempotency-Key is not valid.", {
      field: "idempotency_key",
      hint: "Send 1 to 255 printable characters without spaces, such as a UUID.",
    });
  }
  return { idempotencyKey: key, waitMs: wait === undefined ? undefined : Math.min(Number(wait), MAX_WAIT) * 1000 };
}

/** A time to wait as a query has it: seconds, with or without their `s`. */
export function toWait(text: string): number {
  const seconds = /^(\d{1,9})s?$/.exec(text)?.[1];
  if (seconds !== undefined) return Math.min(Number(seconds), MAX_WAIT) * 1000;
  throw new BerthError("INVALID_ARGUMENT", `"wait" is no number of seconds.`, { field: "wait" });
}
