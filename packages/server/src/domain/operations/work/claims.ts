import type { Clock } from "@berth/base";
import { isConflict } from "@berth/kube";
import type { Outcome } from "@berth/kube";

import type { HomeCache, ReplicaRecord } from "../store/cache.ts";
import type { HomeWrites } from "../store/writes.ts";
import { FORMAT, hasEnded } from "../record.ts";
import type { OperationRecord } from "../record.ts";
import { MAX_REST } from "./perform.ts";
import { prefers } from "./prefers.ts";
import type { Hold, Liveness } from "./replica.ts";
import type { Slot, Slots } from "./slots.ts";
import type { Applicant } from "./waiting.ts";

/** How long the replica that has accepted an operation has for itself, and then the one that is preferred, in ms. */
const PREFERENCE = 1500;
/** How long an operation that a queue names may be unknown before the API server is asked. */
const UNKNOWN = 2000;

/** What claiming knows of the home, as the watches have told it so far. */
export interface Known extends Pick<HomeCache, "operation" | "queue"> {
  readonly replicas: { list(): readonly Pick<ReplicaRecord, "name" | "isHeld">[] };
}

/** What claiming is made of. */
export interface ClaimParts {
  readonly cache: Known;
  readonly writes: HomeWrites;
  readonly liveness: Pick<Liveness, "wait" | "isDead">;
  readonly clock: Clock;
  readonly slots: Slots;
  /** Since when queues name operations that we do not know, in monotonic milliseconds. */
  readonly unknown: Map<string, number>;
  /** Whether this process works on an operation. */
  readonly isMine: (id: string) => boolean;
  /** Whether this process has accepted an operation. */
  readonly isOffered: (id: string) => boolean;
}

/** What became of a claim; or when to look again. */
export type Claim = Claimed | Outcome;

/** An operation that is ours now, with its place. */
export interface Claimed {
  readonly kind: "claimed";
  readonly record: OperationRecord;
  readonly slot: Slot;
}

/** Takes the first open operation of a queue, where it is free, or its holder dead, and there is a place for it. */
export async function claimHead(parts: ClaimParts, queue: string, hold: Hold): Promise<Claim> {
  const head = findHead(parts.cache, queue);
  if (typeof head !== "object") {
    parts.slots.withdraw(queue);
    return head === undefined ? { kind: "done" } : resolveUnknown(parts, queue, head);
  }
  parts.unknown.delete(head.metadata.name);
  return claimKnown(parts, queue, head, hold);
}

/** Takes an operation that is the first open one of its queue. */
export async function claimKnown(parts: ClaimParts, queue: string, head: OperationRecord, hold: Hold): Promise<Claim> {
  const verdict = judge(parts, head, hold);
  if (verdict !== "take") {
    parts.slots.withdraw(queue);
    return verdict;
  }
  const other = head.status?.replica ?? "";
  if (head.status?.state === "running" && other !== hold.name && !(await parts.liveness.isDead(other))) {
    parts.slots.withdraw(queue);
    return { kind: "requeueAfter", ms: 1000 };
  }
  const slot = parts.slots.take(toApplicant(queue, head));
  if (slot === undefined) return { kind: "done" };
  try {
    return { kind: "claimed", record: await claim(parts, head, hold), slot };
  } catch (error) {
    slot.free();
    // Somebody was faster; we hear of it by the watch.
    if (isConflict(error)) return { kind: "done" };
    throw error;
  }
}

/** The first operation of a queue that has not ended; its name, where it is not known yet. */
function findHead(cache: Pick<Known, "operation" | "queue">, name: string): OperationRecord | string | undefined {
  for (const id of cache.queue(name)?.operations ?? []) {
    const record = cache.operation(id);
    if (record === undefined) return id;
    if (!hasEnded(record)) return record;
  }
  return undefined;
}

/** A queue names an operation that we do not know: it is new to us, or it is gone. */
async function resolveUnknown(parts: ClaimParts, queue: string, id: string): Promise<Outcome> {
  const { writes, clock, unknown } = parts;
  const since = unknown.get(id) ?? clock.monotonic();
  unknown.set(id, since);
  const left = since + UNKNOWN - clock.monotonic();
  if (left > 0) return { kind: "requeueAfter", ms: left };
  unknown.delete(id);
  if ((await writes.readOperation(id)) !== undefined) return { kind: "requeueAfter", ms: UNKNOWN };
  await writes.compact(queue, (name) => name === id);
  return { kind: "done" };
}

function toApplicant(queue: string, { spec }: OperationRecord): Applicant {
  return { queue, cluster: spec.request.target.cluster, tenant: spec.request.principal.name };
}

/** Whether we may take an operation, and if not, when to look again. */
function judge(
  { cache, liveness, clock, isMine, isOffered }: ClaimParts,
  record: OperationRecord,
  hold: Hold,
): "take" | Outcome {
  const { metadata, spec, status = {} } = record;
  if (isMine(metadata.name) || spec.request.version !== FORMAT) return { kind: "done" };
  if (status.state === "running") {
    const wait = status.replica === hold.name ? 0 : liveness.wait(status.replica ?? "");
    return wait > 0 ? { kind: "requeueAfter", ms: wait } : "take";
  }
  if (spec.cancel !== undefined) return "take";
  const rest = Date.parse(status.nextAttemptTime ?? "") - clock.now();
  // A longer one than there is means that the clock was set back.
  if (rest > 0 && rest <= MAX_REST) return { kind: "requeueAfter", ms: rest };
  if (isOffered(metadata.name)) return "take";
  const live = cache.replicas.list().filter(({ isHeld, name }) => isHeld && liveness.wait(name) > 0);
  const age = clock.now() - Date.parse(spec.request.createTime);
  const names = live.map(({ name }) => name);
  // Whoever has accepted it comes first, then whom all reckon to be next, then anybody.
  const turn = prefers(metadata.name, names) === hold.name ? PREFERENCE : 2 * PREFERENCE;
  return age < 0 || age > turn ? "take" : { kind: "requeueAfter", ms: turn - age };
}

/** Takes an operation where nobody else has: the write is the lock. */
function claim({ writes, clock }: ClaimParts, record: OperationRecord, hold: Hold): Promise<OperationRecord> {
  const { status = {} } = record;
  return writes.writeStatus(record, {
    ...status,
    state: "running",
    replica: hold.name,
    attempts: (status.attempts ?? 0) + 1,
    nextAttemptTime: undefined,
    startTime: status.startTime ?? new Date(clock.now()).toISOString(),
  });
}
