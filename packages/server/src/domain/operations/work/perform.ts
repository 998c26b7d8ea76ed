import { asBerthError, backoff } from "@berth/base";
import type { BerthError } from "@berth/base";

import type { Operation } from "../types.ts";
import { fromError, fromResult, toOperation } from "../record.ts";
import type { OperationRecord, StoredStatus } from "../record.ts";
import { attempt, nothing } from "./attempt.ts";
import type { Ending, Work, WorkParts } from "./attempt.ts";
import { isHandedOn } from "./handed-on.ts";
import { remedy } from "./remedy.ts";

/** Between two attempts of an operation that failed, in milliseconds. */
const REST = { initial: 2000, max: 300_000 };
/** The longest rest between two attempts, in milliseconds. */
export const MAX_REST = REST.max;

/** An operation that this replica has brought to its end, or let go of. */
export interface Ended {
  readonly record: OperationRecord;
  readonly operation: Operation;
}

/**
 * Brings a claimed operation to its ending, and writes that down; or lets it
 * rest until its next attempt; or hands it on. Rejects where the hold is lost:
 * then somebody else does all that.
 */
export async function perform(parts: WorkParts, work: Work): Promise<Ended> {
  const { journal, record, hold } = work;
  const ending = await end(parts, work);
  hold.signal.throwIfAborted();
  if (ending.error !== undefined && isLetGo(work)) return toEnded(await handOn(work));
  if (isToRest(record, ending)) return toEnded(await rest(parts, work, ending));
  const written = await journal.write(toStatus(ending, new Date(parts.clock.now())));
  // What failed may be asked to be repeated: its payload is swept later.
  if (ending.error !== undefined) return toEnded(written);
  await parts.writes
    .dropPayload(record.spec.request)
    .catch((error: unknown) => parts.log.info({ operation: record.metadata.name, error }, "a payload is swept later"));
  return toEnded(written);
}

/** What an operation comes to: its own outcome, or what follows its failure. */
async function end(parts: WorkParts, work: Work): Promise<Ending> {
  const { record, signal } = work;
  if (record.status?.remediating === true) return remedy(parts, work, endingOf(record));
  if (signal.aborted && (record.status?.attempts ?? 1) === 1) {
    return { changed: false, error: asBerthError(signal.reason), result: nothing() };
  }
  const ending = await attempt(parts, work).catch((error: unknown): Ending => ({
    changed: false,
    error: asBerthError(error),
    result: nothing(),
  }));
  const isFinal = !isLetGo(work) && !isToRest(record, ending);
  const wanted = record.spec.request.policy.remediation ?? "none";
  if (ending.error === undefined || !ending.changed || !isFinal || wanted === "none") return ending;
  return remedy(parts, work, ending);
}

/** The failure that is being remedied, as it was written before. */
function endingOf(record: OperationRecord): Ending {
  const { error, result } = toOperation(record);
  return { changed: true, error, result: result ?? nothing() };
}

function isLetGo({ signal }: Work): boolean {
  return signal.aborted && isHandedOn(signal.reason);
}

async function handOn({ journal }: Work): Promise<OperationRecord> {
  return journal.write({ state: "queued", replica: "", handedOn: true });
}

async function rest({ clock }: WorkParts, { journal, record }: Work, ending: Ending): Promise<OperationRecord> {
  const failures = (record.status?.failures ?? 0) + 1;
  const next = new Date(clock.now() + backoff(failures - 1, REST)).toISOString();
  const error = ending.error === undefined ? {} : { error: fromError(ending.error) };
  const { chartDigest } = ending.result;
  return journal.write({
    ...{ state: "queued", replica: "", handedOn: true, failures, nextAttemptTime: next, ...error },
    ...(chartDigest === "" ? {} : { chartDigest }),
  });
}

/** Whether a failure is tried again: its caller wants that, and time may mend it. */
function isToRest(record: OperationRecord, { error }: Ending): boolean {
  const { retries = 0 } = record.spec.request.policy;
  return error !== undefined && (record.status?.failures ?? 0) < retries && isPassing(error);
}

function isPassing({ kind, code }: BerthError): boolean {
  if (kind === "unavailable" || kind === "timeout" || kind === "exhausted") return true;
  return code === "HOOK_FAILED" || code === "TEST_FAILED" || code === "APPLY_CONFLICT";
}

/** The status of an operation that has ended. */
function toStatus({ error, result, changed }: Ending, now: Date): StoredStatus {
  const state = error === undefined ? "succeeded" : error.code === "CANCELLED" ? "cancelled" : "failed";
  const time = now.toISOString();
  return {
    state,
    endTime: time,
    replica: "",
    remediating: undefined,
    nextAttemptTime: undefined,
    result: error === undefined || changed ? fromResult(result) : undefined,
    error: error === undefined ? undefined : fromError(error),
    conditions: [
      {
        type: "Succeeded",
        status: error === undefined ? "True" : "False",
        reason: error === undefined ? "Done" : error.code,
        message: error?.message.slice(0, 4096) ?? "",
        lastTransitionTime: time,
      },
    ],
  };
}

function toEnded(record: OperationRecord): Ended {
  return { record, operation: toOperation(record) };
}
