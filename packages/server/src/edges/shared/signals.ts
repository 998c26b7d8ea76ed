import type { ServerResponse } from "node:http";

import { BerthError } from "@berth/base";
import { Code, ConnectError } from "@connectrpc/connect";

/** Aborts where the connection is closed before its answer has been given. */
export function callerGone(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort(new BerthError("CANCELLED", "The caller is gone."));
  });
  return gone.signal;
}

/**
 * A call's signal with a reason of ours: its deadline is over, or its caller is
 * gone. Disposed of once the call is answered, for its own aborts then as well.
 */
export function ofCall(call: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const ours = new AbortController();
  const abort = () => ours.abort(toReason(call.reason));
  if (call.aborted) abort();
  else call.addEventListener("abort", abort, { once: true });
  return { signal: ours.signal, [Symbol.dispose]: () => call.removeEventListener("abort", abort) };
}

function toReason(reason: unknown): BerthError {
  if (reason instanceof BerthError) return reason;
  const isLate = ConnectError.from(reason).code === Code.DeadlineExceeded;
  return isLate
    ? new BerthError("DEADLINE_EXCEEDED", "The deadline of the call is over.", { cause: reason })
    : new BerthError("CANCELLED", "The caller is gone.", { cause: reason });
}
