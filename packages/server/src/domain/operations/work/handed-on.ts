import { BerthError, asBerthError } from "@berth/base";

const REASON = "HANDED_ON";

/** Why an operation is let go of: the next holder goes on with it. */
export function handedOn(): BerthError {
  return new BerthError("UNAVAILABLE", "Berth stops; another replica goes on.", { details: { reason: REASON } });
}

/** Whether an abort says that the operation is handed on. */
export function isHandedOn(reason: unknown): boolean {
  return reason !== undefined && asBerthError(reason).details.reason === REASON;
}
