import { BerthError } from "@berth/base";
import { Code, ConnectError } from "@connectrpc/connect";

/**
 * What a failed call to the engine means. `begun` tells that the engine had the
 * request: then it may have changed something before it died.
 */
export function fromConnect(error: unknown, begun: boolean): BerthError {
  if (error instanceof BerthError) return error;
  const { code } = ConnectError.from(error);
  switch (code) {
    case Code.DeadlineExceeded:
      return new BerthError("DEADLINE_EXCEEDED", "The engine did not answer in time.", { cause: error });
    case Code.ResourceExhausted:
      return new BerthError("BODY_TOO_LARGE", "The request is larger than the engine takes.", { cause: error });
    // A stream that was cut off is no valid one.
    case Code.InvalidArgument:
    case Code.Unavailable:
    case Code.Unknown:
    case Code.Internal:
    case Code.Aborted:
    case Code.Canceled:
      return begun
        ? new BerthError("ENGINE_LOST", "The engine died while it worked.", { cause: error })
        : new BerthError("UNAVAILABLE", "The engine is not running; it is being started again.", { cause: error });
    default:
      return new BerthError("INTERNAL", "The engine does not understand the gateway.", { cause: error });
  }
}
