import { BerthError } from "@berth/base";
import { createWorkQueue } from "@berth/kube";
import type { Outcome, WorkQueue } from "@berth/kube";

import type { Command } from "../../command.ts";
import type { OperationRecord } from "../record.ts";
import type { HomeCache } from "../store/cache.ts";
import { queueName } from "../store/names.ts";
import type { WorkParts } from "./attempt.ts";
import { claimHead, claimKnown } from "./claims.ts";
import type { Claimed } from "./claims.ts";
import { handedOn } from "./handed-on.ts";
import { createJournal } from "./journal.ts";
import type { Journal } from "./journal.ts";
import { Offered } from "./offered.ts";
import { perform } from "./perform.ts";
import type { Ended } from "./perform.ts";
import type { Hold, Liveness, Replica } from "./replica.ts";
import { createSlots } from "./slots.ts";
import type { Limits, Slot } from "./slots.ts";

/** Between two looks while nothing may be held, in milliseconds. */
const PAUSE = 500;
/** Between two looks whether the cluster of an operation answers, in milliseconds. */
const PULSE = 2_000;

/** What the worker is made of. */
export interface WorkerParts extends WorkParts {
  readonly cache: HomeCache;
  readonly replica: Replica;
  readonly liveness: Liveness;
  readonly limits: Limits;
  /** Hears of each operation that has ended here, or rests. */
  readonly onEnded: (ended: Ended) => void;
}

/** Works off the operations of all queues, in the order asked, together with other replicas. */
export interface Worker {
  start(): void;
  /** Takes what was accepted by this process, where it is first in its queue, before the watch tells of it. */
  offer(record: OperationRecord, queue: readonly string[], command: Command): void;
  /** Takes nothing new, lets what runs end for `drainMs`, and hands the rest on. */
  stop(drainMs: number): Promise<void>;
}

interface Running {
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/** Makes a worker. */
export function createWorker(parts: WorkerParts): Worker {
  const { cache, replica, clock, log } = parts;
  const running = new Map<string, Running>();
  const claiming = new Set<string>();
  const offered = new Offered();
  const unknown = new Map<string, number>();
  const isMine = (id: string) => running.has(id) || claiming.has(id);
  const work = { ...parts, isMine, isOffered: (id: string) => offered.has(id), unknown };
  let isDraining = false;
  const look = async (name: string): Promise<Outcome> => {
    const hold = replica.hold();
    if (isDraining || hold === undefined) return { kind: "requeueAfter", ms: PAUSE };
    const claim = await claimHead({ ...work, slots }, name, hold);
    if (claim.kind !== "claimed") return claim;
    run(claim, hold, name);
    return { kind: "done" };
  };
  const run = ({ record, slot }: Claimed, hold: Hold, name: string) => {
    const id = record.metadata.name;
    const abort = new AbortController();
    const ended = begin(parts, { record, slot, hold, abort, command: offered.take(id) }).finally(() => {
      running.delete(id);
      slot.free();
      queue.add(name);
    });
    running.set(id, { abort, ended });
  };
  const takeOffer = async (record: OperationRecord, name: string, hold: Hold) => {
    const known = { ...work, slots, isMine: (id: string) => running.has(id) };
    claiming.add(record.metadata.name);
    const claim = await claimKnown(known, name, record, hold).finally(() => claiming.delete(record.metadata.name));
    if (claim.kind === "claimed") run(claim, hold, name);
    else queue.add(name);
  };
  const queue: WorkQueue = createWorkQueue({
    ...{ name: "operations", concurrency: 32, log, clock, handle: look },
    backoff: { initial: 100, max: 3000 },
  });
  const slots = createSlots(parts.limits, (name) => queue.add(name));
  const unfollow = follow(cache, queue, (record) => {
    if (record.spec.cancel !== undefined) running.get(record.metadata.name)?.abort.abort(cancelled(record));
  });
  return {
    offer(record, names, command) {
      const id = record.metadata.name;
      offered.add(id, command);
      const hold = replica.hold();
      const isFirst = names.find((name) => cache.operation(name)?.status?.endTime === undefined) === id;
      if (isDraining || hold === undefined || !isFirst || record.status !== undefined) return;
      const name = queueName(record.spec.request.target);
      takeOffer(record, name, hold).catch(() => queue.add(name));
    },
    start: () => replica.start(() => cache.queues.list().forEach(({ name }) => queue.add(name))),
    async stop(drainMs) {
      isDraining = true;
      unfollow();
      await queue.stop(1000);
      const all = () => Promise.all([...running.values()].map(({ ended }) => ended));
      await drained(all(), clock.sleep.bind(clock), drainMs);
      for (const { abort } of running.values()) abort.abort(handedOn());
      await all();
      await replica.stop();
    },
  };
}

async function drained(
  all: Promise<unknown>,
  sleep: (ms: number, signal: AbortSignal) => Promise<void>,
  ms: number,
): Promise<void> {
  const over = new AbortController();
  await Promise.race([all, sleep(ms, over.signal).catch(() => undefined)]);
  over.abort();
}

/** Works on a claimed operation; never rejects. */
async function begin(
  parts: WorkerParts,
  claimed: {
    readonly record: OperationRecord;
    readonly slot: Slot;
    readonly hold: Hold;
    readonly abort: AbortController;
    readonly command: Command | undefined;
  },
): Promise<void> {
  const { record, slot, hold, abort, command } = claimed;
  const onLost = () => abort.abort(hold.signal.reason);
  hold.signal.addEventListener("abort", onLost, { once: true });
  if (record.spec.cancel !== undefined) abort.abort(cancelled(record));
  const journal = resting(createJournal({ ...parts, signal: hold.signal }, record), slot);
  const over = new AbortController();
  void restWhileAway(parts, record.spec.request.target.cluster, slot, over.signal);
  try {
    parts.onEnded(await perform(parts, { record, command, hold, journal, signal: abort.signal }));
  } catch (error) {
    parts.log.warn({ operation: record.metadata.name, error }, "an operation was let go");
  } finally {
    hold.signal.removeEventListener("abort", onLost);
    over.abort();
  }
}

/** Gives the place of the active up once the cluster answers nothing: that takes no processor, and others wait for the place. */
async function restWhileAway(
  { clusters, clock }: Pick<WorkerParts, "clusters" | "clock">,
  cluster: string,
  slot: Slot,
  signal: AbortSignal,
): Promise<void> {
  try {
    for (;;) {
      await clusters.get(cluster).client.pulse();
      await clock.sleep(PULSE, signal);
    }
  } catch {
    if (!signal.aborted) slot.rest();
  }
}

/** A journal that gives the place of the active up once the operation only waits. */
function resting(journal: Journal, slot: Slot): Journal {
  return {
    ...journal,
    add(event) {
      if (event.type === "phase" && event.phase === "waiting") slot.rest();
      journal.add(event);
    },
  };
}

/** Looks at each queue in which something changes. */
function follow(cache: HomeCache, queue: WorkQueue, onOperation: (record: OperationRecord) => void): () => void {
  const ends = [
    cache.operations.onChange((change) => {
      const record = change.type === "deleted" ? change.previous : change.object;
      queue.add(queueName(record.spec.request.target));
      onOperation(record);
    }),
    cache.queues.onChange((change) => {
      if (change.type !== "deleted") queue.add(change.object.name);
    }),
    cache.replicas.onChange((change) => {
      // Whoever has let go of its lease has left its work to others.
      const other = change.type === "deleted" ? change.previous : change.object;
      if (change.type !== "deleted" && other.isHeld) return;
      const left = cache.operations.byIndex("replica", other.name);
      for (const { spec } of left) queue.add(queueName(spec.request.target));
    }),
  ];
  return () => ends.forEach((end) => end());
}

function cancelled({ spec }: OperationRecord): BerthError {
  return new BerthError("CANCELLED", `Cancelled by ${spec.cancel?.by ?? "somebody"}.`);
}
