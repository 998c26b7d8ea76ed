import { BerthError, backoff } from "@berth/base";
import type { Clock, Logger, ObjectName } from "@berth/base";
import { isConflict, isNotFound } from "@berth/kube";

import type { ProgressEvent } from "../../releases/index.ts";
import type { HomeWrites } from "../store/writes.ts";
import type { OperationRecord, StoredStatus } from "../record.ts";
import type { OperationEvent } from "../types.ts";

/** Milliseconds in which events are gathered into one write. */
const GATHER = 1000;
/** Events that are kept: as many as the definition allows. */
const KEPT = 200;
const RETRY = { initial: 100, max: 2000 };

/** The status of a held operation: written by its holder alone. */
export interface Journal {
  /** The operation as it was last written. */
  record(): OperationRecord;
  /** Notes an event; it is written within a second. */
  add(event: ProgressEvent): void;
  /** Changes the status, with all events so far. HOLD_LOST where it is somebody else's by now. */
  write(change: StoredStatus): Promise<OperationRecord>;
}

/** What a journal is made of. `signal`: aborted once the hold is lost. */
export interface JournalParts {
  readonly writes: HomeWrites;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Keeps the journal of an operation that was claimed. */
export function createJournal({ writes, clock, log, signal }: JournalParts, claimed: OperationRecord): Journal {
  let record = claimed;
  let fresh: ProgressEvent[] = [];
  let last = Promise.resolve();
  let isGathering = false;

  const attempt = async (change: StoredStatus, taken: readonly ProgressEvent[]) => {
    const { status, lines } = withEvents({ ...record.status, ...change }, taken);
    if (Object.keys(lines).length > 0) await writes.writeLogs(record, lines);
    record = await writes.writeStatus(record, status);
  };
  const put = async (change: StoredStatus) => {
    let taken = fresh;
    fresh = [];
    const before = record.status?.lastEvent ?? 0;
    for (let tries = 0; ; tries++) {
      signal.throwIfAborted();
      try {
        return await attempt(change, taken);
      } catch (error) {
        if (isConflict(error)) {
          const found = await readOurs(writes, record, change.endTime);
          record = found;
          // The ending itself has landed.
          if (found.status?.endTime !== undefined) return;
          // A write whose answer was lost has landed: its events are not to stand there twice.
          if ((record.status?.lastEvent ?? 0) !== before) taken = [];
        }
        if (isNotFound(error)) throw lost();
        if (!isConflict(error))
          log.warn({ operation: record.metadata.name, tries, error }, "an operation is not written yet");
      }
      await clock.sleep(backoff(tries, RETRY), signal);
    }
  };
  const write = (change: StoredStatus) => {
    const written = last.then(() => put(change));
    last = written.catch(() => undefined);
    return written.then(() => record);
  };
  const gather = async () => {
    await clock.sleep(GATHER, signal);
    isGathering = false;
    if (fresh.length > 0) await write({});
  };
  return {
    record: () => record,
    add(event) {
      fresh.push(event);
      if (isGathering) return;
      isGathering = true;
      gather().catch(() => undefined);
    },
    write,
  };
}

/** The operation as it is now, if the same holder's still; what somebody asks of it (a cancellation) changes it too. */
async function readOurs(
  writes: HomeWrites,
  record: OperationRecord,
  endTime: string | undefined,
): Promise<OperationRecord> {
  const found = await writes.readOperation(record.metadata.name);
  if (found?.status?.endTime !== undefined && found.status.endTime === endTime) return found;
  const isOurs =
    found?.status?.replica === record.status?.replica && found?.status?.attempts === record.status?.attempts;
  if (found === undefined || !isOurs || found.status?.endTime !== undefined) throw lost();
  return found;
}

function lost(): BerthError {
  return new BerthError("HOLD_LOST", "The operation is somebody else's by now.");
}

/** A status with new events in it, and the texts of log events, which are stored elsewhere. */
function withEvents(status: StoredStatus, fresh: readonly ProgressEvent[]) {
  let n = status.lastEvent ?? 0;
  const lines: Record<string, string> = {};
  let progress: Pick<StoredStatus, "phase" | "applied" | "total"> = {};
  const events: OperationEvent[] = [];
  for (const event of coalesce(fresh)) {
    const { time, type, ...rest } = event;
    n++;
    if (event.type === "log") {
      lines[String(n)] = event.text;
      events.push({ n, time: time.toISOString(), type, pod: event.pod, container: event.container });
      continue;
    }
    if (event.type === "phase") progress = { phase: event.phase, applied: 0, total: 0 };
    if (event.type === "applied") progress = { ...progress, applied: event.done, total: event.total };
    events.push({ n, time: time.toISOString(), type, ...rest });
  }
  const kept = [...(status.events ?? []), ...events].slice(-KEPT);
  return { status: { ...status, ...progress, lastEvent: n, events: kept }, lines };
}

/** Without what is overtaken: of several that say how far it is, or how an object is, the last one counts. */
function coalesce(events: readonly ProgressEvent[]): readonly ProgressEvent[] {
  const last = new Map(events.map((event) => [subject(event), event]));
  return events.filter((event) => last.get(subject(event)) === event);
}

/** What an event is about; itself, where nothing overtakes it. */
function subject(event: ProgressEvent): unknown {
  if (event.type === "applied") return "applied";
  if (event.type !== "status") return event;
  const { kind, namespace, name }: ObjectName = event.object;
  return `${kind}/${namespace}/${name}`;
}
