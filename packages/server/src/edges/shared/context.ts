import { randomUUID } from "node:crypto";

import type { RequestContext } from "../../domain/operations/index.ts";

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
