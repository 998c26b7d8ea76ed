import { backoff } from "@berth/base";

import { FORMAT, callbackOf, hasEnded } from "../record.ts";
import type { OperationRecord, StoredCallback } from "../record.ts";
import type { Receipt } from "./post.ts";

/** How long a callback is tried again after the operation's end, in milliseconds. */
const KEEP_TRYING = 24 * 3600 * 1000;
/** Between two tries, in milliseconds. */
const PAUSE = { initial: 5000, max: 3_600_000 };
/** How long a replica that sends has for itself, in milliseconds: longer than one try may take. */
const LEASE = 30_000;

/** Whether somebody is to be told of an operation now. */
export type Due =
  | { readonly kind: "no" }
  | { readonly kind: "later"; readonly ms: number }
  /** Since so many milliseconds. */
  | { readonly kind: "now"; readonly since: number };

/** Says when an operation's callback is due. Pure. */
export function judge(record: OperationRecord, now: number): Due {
  const isOurs = hasEnded(record) && record.spec.request.version === FORMAT;
  if (!isOurs || callbackOf(record) !== "pending") return { kind: "no" };
  const since = now - Date.parse(record.status?.callback?.nextTime ?? record.status?.endTime ?? "");
  return since < 0 ? { kind: "later", ms: -since } : { kind: "now", since };
}

/** What is written before a try: whoever writes it makes the try, and the others look again when it must be over. */
export function begun({ status }: OperationRecord, now: number): StoredCallback {
  const { attempts = 0, reason } = status?.callback ?? {};
  return {
    ...{ state: "pending", attempts: attempts + 1, nextTime: toTime(now + LEASE) },
    ...(reason === undefined ? {} : { reason }),
  };
}

/** What is written after a try. The last one is the first that fails with the next one beyond the time for all. */
export function done({ status }: OperationRecord, receipt: Receipt, now: number): StoredCallback {
  const { attempts = 1 } = status?.callback ?? {};
  if (receipt.kind === "delivered") return { state: "delivered", attempts };
  const { kind, reason } = receipt;
  const next = now + backoff(attempts - 1, PAUSE);
  const isLast = kind === "gone" || next > Date.parse(status?.endTime ?? "") + KEEP_TRYING;
  return isLast
    ? { state: "failed", attempts, reason }
    : { state: "pending", attempts, reason, nextTime: toTime(next) };
}

function toTime(ms: number): string {
  return new Date(ms).toISOString();
}
