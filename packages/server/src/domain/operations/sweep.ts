import type { Clock, Logger } from "@berth/base";

import { isExpired, isOver, put, readRequest } from "./accept.ts";
import type { HomeCache } from "./store/cache.ts";
import { queueName } from "./store/names.ts";
import type { HomeWrites } from "./store/writes.ts";
import { callbackOf, hasEnded } from "./record.ts";
import type { OperationRecord } from "./record.ts";
import type { Liveness } from "./work/replica.ts";

/** Between two sweeps, in milliseconds; with as much again by chance, so that replicas take turns. */
const EVERY = 15_000;
/** How old something half done has to be before somebody else finishes it, in milliseconds. */
const GRACE = 10_000;
/** How long a payload without an operation is kept: its caller has got no answer, and asks again with its key. */
const ORPHAN = 600_000;
/** Sweeps between two in which everything is read that is not watched. */
const FULL = 20;

/** How long ended operations are kept. */
export interface Retention {
  readonly ms: number;
  /** At most so many. */
  readonly count: number;
  /** How long what has failed can be repeated, in milliseconds: so long its payload is kept. */
  readonly retryMs: number;
}

/** What the sweeper is made of. */
export interface SweepParts {
  readonly cache: HomeCache;
  readonly writes: HomeWrites;
  readonly liveness: Pick<Liveness, "isLongGone">;
  readonly retention: Retention;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Finishes what died between two writes, and removes what is kept long enough. Any number may run. */
export function createSweeper(parts: SweepParts): { start(): void; stop(): Promise<void> } {
  const { clock, log, cache } = parts;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const run = async () => {
    for (let round = 1; ; round++) {
      await clock.sleep(EVERY * (1 + Math.random()), stopping.signal);
      if (!cache.ready().ok) continue;
      await sweep(parts, round % FULL === 0).catch((error: unknown) =>
        log.warn({ error }, "a sweep failed; it is tried again"),
      );
    }
  };
  return {
    start: () => void (running ??= run().catch(() => undefined)),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** One sweep; a full one also reads what is not watched. */
async function sweep(parts: SweepParts, isFull: boolean): Promise<void> {
  const { cache, writes, clock } = parts;
  const age = (time: string | undefined) => clock.now() - Date.parse(time ?? "");
  const records = cache.operations.list();
  for (const record of records) {
    const { request } = record.spec;
    const queue = queueName(request.target);
    const isPlaced = cache.queue(queue)?.operations.includes(record.metadata.name) === true;
    if (!hasEnded(record) && !isPlaced && age(request.createTime) > GRACE) {
      await put(parts, record.metadata.name, request);
    }
  }
  const ended = records.filter(hasEnded).sort((a, b) => (endOf(a) < endOf(b) ? 1 : -1));
  for (const [index, record] of ended.entries()) await sweepEnded(parts, record, index, age(endOf(record)));
  for (const { name, operations } of cache.queues.list()) {
    const isDone = operations.every((id) => isOver(cache)(id) && age(endOf(cache.operation(id))) > GRACE);
    if (isDone) await writes.compact(name, isOver(cache));
  }
  for (const { name, version } of cache.replicas.list()) {
    const isNeeded = !parts.liveness.isLongGone(name) || cache.operations.byIndex("replica", name).length > 0;
    if (!isNeeded) await writes.deleteLease(name, version);
  }
  if (isFull) await sweepPayloads(parts);
}

async function sweepEnded(parts: SweepParts, record: OperationRecord, index: number, age: number): Promise<void> {
  const { writes, retention, clock, cache } = parts;
  const { request } = record.spec;
  const isKeyed = request.idempotent && !isExpired(request, clock);
  const isKept = isKeyed || callbackOf(record) === "pending";
  if (!isKept && (age > retention.ms || index >= retention.count)) {
    await writes.deleteOperation(record);
    const found = cache.payload(request.payload) && (await writes.readPayload(request.payload));
    if (found !== undefined) await writes.deletePayload(found);
    return;
  }
  // A succeeded one has dropped it itself, unless it died over it.
  const isRepeatable = record.status?.state !== "succeeded" && age <= retention.retryMs;
  const payload = isRepeatable || age < GRACE ? undefined : cache.payload(request.payload);
  if (payload?.isFull === true) await writes.dropPayload(request);
}

async function sweepPayloads({ cache, writes, clock }: SweepParts): Promise<void> {
  for (const { name, createTime } of cache.payloads.list()) {
    if (clock.now() - Date.parse(createTime) < ORPHAN) continue;
    const found = await writes.readPayload(name);
    if (found === undefined) continue;
    const { id, request } = readRequest(found);
    const isLost = cache.operation(id) === undefined && (await writes.readOperation(id)) === undefined;
    if (isLost && (!request.idempotent || isExpired(request, clock))) await writes.deletePayload(found);
  }
}

function endOf(record: OperationRecord | undefined): string {
  return record?.status?.endTime ?? "";
}
