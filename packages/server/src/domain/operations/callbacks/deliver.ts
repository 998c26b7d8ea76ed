import { BerthError, backoff } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { createWorkQueue, isConflict, isNotFound } from "@berth/kube";
import type { Outcome, WorkQueue } from "@berth/kube";

import type { HomeCache } from "../store/cache.ts";
import type { HomeWrites } from "../store/writes.ts";
import { callbackOf } from "../record.ts";
import type { OperationRecord, StoredCallback } from "../record.ts";
import { prefers } from "../work/prefers.ts";
import type { Liveness, Replica } from "../work/replica.ts";
import { begun, done, judge } from "./schedule.ts";
import type { Receipt } from "./post.ts";

/** How long the replica that is preferred for a callback has for itself, in milliseconds. */
const PREFERENCE = 1500;
/** Between two writes of what a try came to, in milliseconds. */
const RETRY = { initial: 200, max: 5000 };
/** How long those under way may take once Berth stops, in milliseconds. */
const GRACE = 2000;

/** What delivering is made of. */
export interface DelivererParts {
  readonly cache: HomeCache;
  readonly writes: HomeWrites;
  readonly replica: Pick<Replica, "hold">;
  readonly liveness: Liveness;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells of an operation once. Never rejects. */
  readonly send: (record: OperationRecord, signal: AbortSignal) => Promise<Receipt>;
}

/** Tells of the operations that have ended, together with other replicas: each at least once. */
export interface Deliverer {
  start(): void;
  /** Begins nothing new and ends what is under way. */
  stop(): Promise<void>;
}

/** Makes a deliverer. All it knows stands in the operations: any replica goes on where another one died. */
export function createDeliverer(parts: DelivererParts): Deliverer {
  const { cache, clock, log } = parts;
  const queue: WorkQueue = createWorkQueue({
    ...{ name: "callbacks", concurrency: 64, log, clock },
    handle: (id, signal) => deliver(parts, id, signal),
  });
  let unfollow: (() => void) | undefined;
  return {
    start() {
      unfollow ??= cache.operations.onChange((change) => {
        if (change.type === "deleted" || judge(change.object, clock.now()).kind === "no") return;
        queue.add(change.object.metadata.name);
      });
    },
    async stop() {
      unfollow?.();
      await queue.stop(GRACE);
    },
  };
}

async function deliver(parts: DelivererParts, id: string, signal: AbortSignal): Promise<Outcome> {
  const { cache, writes, clock, log, send } = parts;
  const record = cache.operation(id);
  if (record === undefined) return { kind: "done" };
  const due = judge(record, clock.now());
  if (due.kind === "no") return { kind: "done" };
  if (due.kind === "later") return { kind: "requeueAfter", ms: due.ms };
  if (due.since < PREFERENCE && !isPreferred(parts, id)) {
    return { kind: "requeueAfter", ms: PREFERENCE - due.since };
  }
  let ours: OperationRecord;
  try {
    ours = await writes.writeStatus(record, withCallback(record, begun(record, clock.now())));
  } catch (error) {
    // Somebody was faster, or it is removed; we hear of it by the watch.
    if (isConflict(error) || isNotFound(error)) return { kind: "done" };
    throw error;
  }
  const receipt = await send(ours, signal);
  const written = await settle(parts, ours, receipt, signal);
  const { state, attempts, reason } = written?.status?.callback ?? {};
  log.info({ operation: id, callback: state, attempts, reason }, "a callback was tried");
  return { kind: "done" };
}

function isPreferred({ cache, liveness, replica }: DelivererParts, id: string): boolean {
  const live = cache.replicas.list().filter(({ isHeld, name }) => isHeld && liveness.wait(name) > 0);
  const preferred = prefers(
    id,
    live.map(({ name }) => name),
  );
  return preferred !== undefined && preferred === replica.hold()?.name;
}

/** Writes what a try came to; undefined where it does not matter any more. */
async function settle(
  { writes, clock }: DelivererParts,
  begunBy: OperationRecord,
  receipt: Receipt,
  signal: AbortSignal,
): Promise<OperationRecord | undefined> {
  let record = begunBy;
  for (let tries = 0; ; tries++) {
    try {
      return await writes.writeStatus(record, withCallback(record, done(record, receipt, clock.now())));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (!isConflict(error) && signal.aborted) throw error;
      const found = isConflict(error) ? await writes.readOperation(record.metadata.name) : record;
      const isOurs = found?.status?.callback?.attempts === begunBy.status?.callback?.attempts;
      if (found === undefined || !isOurs || callbackOf(found) !== "pending") return undefined;
      record = found;
    }
    await clock.sleep(backoff(tries, RETRY), signal);
  }
}

function withCallback(record: OperationRecord, callback: StoredCallback) {
  if (record.status === undefined) throw new BerthError("INTERNAL", "An operation without status has not ended.");
  return { ...record.status, callback };
}
