import { asBerthError, backoff } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { isNotFound } from "@berth/kube";

import { unreadable } from "./decode.ts";
import type { Summary } from "./decode.ts";
import { toRow } from "./row.ts";
import type { Row } from "./row.ts";
import type { Summaries } from "./summaries.ts";

/** Records of one cluster that are read at once in the background. */
const AT_ONCE = 8;
/** Repetitions where the API server does not answer, in milliseconds. */
const RETRY = { initial: 200, max: 3_000 };

/** Codes of what passes by itself. */
const PASSING: ReadonlySet<string> = new Set(["CLUSTER_UNREACHABLE", "UNAVAILABLE", "EXHAUSTED", "UNAUTHENTICATED"]);

/** What the filler works on. */
export interface FillerParts {
  readonly get: (key: string) => Row | undefined;
  readonly set: (key: string, row: Row) => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Reads the records of rows that have no summary: in the background, cluster by cluster, and first what somebody waits for. */
export interface Filler {
  /** Takes a cluster in; the function given back ends its reading. */
  join(cluster: string, summaries: Summaries): () => void;
  /** Has the record of a row read. */
  add(key: string): void;
  waiting(cluster: string | undefined): number;
  hasten(keys: readonly string[], withinMs: number): Promise<void>;
  filled(clusters: readonly string[], withinMs: number): Promise<void>;
}

/** What is to be read of one cluster. */
interface Lane {
  readonly summaries: Summaries;
  readonly waiting: Set<string>;
  running: number;
  failures: number;
  restUntil: number;
}

/** Makes a filler that has nothing to do. */
export function createFiller(parts: FillerParts): Filler {
  const { clock, log } = parts;
  const lanes = new Map<string, Lane>();
  const watchers = new Set<() => void>();
  const laneOf = (key: string) => lanes.get(key.slice(0, key.indexOf("/")));
  /** Reads one; whether the cluster has answered. */
  const fill = async (lane: Lane, key: string): Promise<boolean> => {
    const row = parts.get(key);
    if (row === undefined || row.summary !== undefined) {
      lane.waiting.delete(key);
      return true;
    }
    const read = await readRecord(lane, row, log);
    if (read !== "later" && parts.get(key) === row && laneOf(key) === lane) {
      lane.waiting.delete(key);
      if (read !== "gone") parts.set(key, toRow(row.cluster, row.revision, read));
    }
    for (const watcher of watchers) watcher();
    return read !== "later";
  };

  const run = async (lane: Lane, cluster: string) => {
    lane.running++;
    try {
      while (lanes.get(cluster) === lane) {
        const key = nextOf(lane.waiting);
        if (key === undefined) return;
        // Last in the order, should it have to be read again.
        lane.waiting.delete(key);
        lane.waiting.add(key);
        const rest = lane.restUntil - clock.monotonic();
        if (rest > 0) await clock.sleep(rest);
        if (await fill(lane, key)) lane.failures = 0;
        // What fails at once has failed once.
        else if (clock.monotonic() >= lane.restUntil)
          lane.restUntil = clock.monotonic() + backoff(lane.failures++, RETRY);
      }
    } finally {
      lane.running--;
    }
  };

  return {
    join(cluster, summaries) {
      const lane: Lane = { summaries, waiting: new Set(), running: 0, failures: 0, restUntil: 0 };
      lanes.set(cluster, lane);
      return () => void (lanes.get(cluster) === lane && lanes.delete(cluster));
    },
    add(key) {
      const lane = laneOf(key);
      if (lane === undefined) return;
      lane.waiting.add(key);
      if (lane.running < AT_ONCE) void run(lane, key.slice(0, key.indexOf("/")));
    },
    waiting: (cluster) => countWaiting(lanes, cluster),
    async hasten(keys, withinMs) {
      const isThere = (key: string) => parts.get(key)?.summary !== undefined || parts.get(key) === undefined;
      const missing = keys.filter((key) => !isThere(key));
      if (missing.length === 0) return;
      for (const key of missing) {
        const lane = laneOf(key);
        if (lane !== undefined) void fill(lane, key);
      }
      await watchUntil(watchers, clock, () => missing.every(isThere), withinMs);
    },
    filled: (clusters, withinMs) =>
      watchUntil(watchers, clock, () => clusters.every((one) => countWaiting(lanes, one) === 0), withinMs),
  };
}

function countWaiting(lanes: ReadonlyMap<string, Lane>, cluster: string | undefined): number {
  if (cluster !== undefined) return lanes.get(cluster)?.waiting.size ?? 0;
  return [...lanes.values()].reduce((sum, lane) => sum + lane.waiting.size, 0);
}

/** Waits until it is so, or the time is over. */
async function watchUntil(
  watchers: Set<() => void>,
  clock: Clock,
  isSo: () => boolean,
  withinMs: number,
): Promise<void> {
  if (isSo()) return;
  const done = new AbortController();
  const look = () => void (isSo() && done.abort());
  watchers.add(look);
  await clock.sleep(withinMs, done.signal).catch(() => undefined);
  watchers.delete(look);
}

/** Gone: the watch will tell, or has told, of it. Later: it is the cluster that does not answer. */
async function readRecord(lane: Lane, row: Row, log: Logger): Promise<Summary | "gone" | "later"> {
  try {
    return await lane.summaries.of(row.revision);
  } catch (error) {
    const { namespace, name } = row.revision;
    log.warn({ error, cluster: row.cluster, namespace, release: name }, "a stored release cannot be read");
    if (isNotFound(error)) return "gone";
    const { code, message } = asBerthError(error);
    return PASSING.has(code) ? "later" : unreadable(message);
  }
}

function nextOf(keys: ReadonlySet<string>): string | undefined {
  for (const key of keys) return key;
  return undefined;
}
