import { BerthError, asBerthError } from "@berth/base";
import type { Clock } from "@berth/base";
import { getObject, startHeartbeat } from "@berth/kube";

import type { ReleaseTarget } from "../command.ts";
import { knownHistory } from "./history.ts";
import type { HistoryParts } from "./history.ts";
import type { StoredRevision } from "./stored-revision.ts";
import type { ReleaseReader } from "./types.ts";

/** Milliseconds of silence after which the cluster is asked whether it answers at all. */
const PATIENCE = 2_000;
/** How often a history is begun again that the release's next write comes between. */
const TRIES = 3;

/** What is known beside the engine. */
export interface NewestParts extends HistoryParts {
  readonly clock: Clock;
}

/**
 * Reads the newest revision by its number, where the watch knows it, and a
 * history by its records: Helm finds them by a LIST of all revisions. That there
 * is no newer one is asked of the API server by the name that the next one would
 * have, so nothing old is ever shown.
 */
export function createNewestReader(reader: ReleaseReader, parts: NewestParts): ReleaseReader {
  const orByList = async <T>(
    target: ReleaseTarget,
    { revision, signal }: { readonly revision: number; readonly signal: AbortSignal },
    read: (revision: number) => Promise<T>,
  ) => {
    const known = revision === 0 ? await newestOf(parts, target, signal) : undefined;
    if (known === undefined) return read(revision);
    return read(known.revision).catch((error: unknown) => {
      // It went meanwhile.
      if (error instanceof BerthError && error.code === "REVISION_NOT_FOUND") return read(0);
      throw error;
    });
  };
  return {
    content: (principal, target, revision, options) =>
      whileAlive(parts, target, options?.signal, (signal) =>
        orByList(target, { revision, signal }, (known) =>
          reader.content(principal, target, known, { ...options, signal }),
        ),
      ),
    status: (principal, target, revision, options) =>
      whileAlive(parts, target, options?.signal, (signal) =>
        orByList(target, { revision, signal }, (known) =>
          reader.status(principal, target, known, { ...options, signal }),
        ),
      ),
    check: (principal, target, options) =>
      whileAlive(parts, target, options?.signal, (signal) => reader.check(principal, target, { ...options, signal })),
    history: (principal, target, max, options) =>
      whileAlive(parts, target, options?.signal, async (signal) => {
        for (let tries = 0; tries < TRIES; tries++) {
          const newest = await newestOf(parts, target, signal);
          const known = newest === undefined ? "behind" : await knownHistory(parts, target, newest, max, { signal });
          if (known === "behind") break;
          if (known !== "moved") return known;
        }
        return reader.history(principal, target, max, { ...options, signal });
      }),
  };
}

/** Reads as long as the cluster's API server answers anything: one that hangs keeps nobody waiting for all of his time. */
async function whileAlive<T>(
  { clusters, clock }: NewestParts,
  { cluster }: ReleaseTarget,
  signal: AbortSignal | undefined,
  read: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { client } = clusters.get(cluster);
  const parts = { pulse: () => client.pulse(), clock, everyMs: PATIENCE };
  using heartbeat = startHeartbeat(parts, signal ?? new AbortController().signal);
  return await read(heartbeat.signal);
}

/** The newest revision; undefined where only a list can tell. */
async function newestOf(
  { clusters, indexOf }: HistoryParts,
  target: ReleaseTarget,
  signal: AbortSignal | undefined,
): Promise<StoredRevision | undefined> {
  const { cluster, namespace, name } = target;
  const index = indexOf(cluster);
  const newest = index?.freshness().isCurrent === true ? index.find(namespace, name) : undefined;
  if (newest === undefined) return undefined;
  const next = newest.objectName.replace(/\d+$/, String(newest.revision + 1));
  try {
    const resource = { group: "", version: "v1", plural: newest.storage };
    const there = { resource, namespace, name: next };
    const newer = await getObject(clusters.get(cluster).client, there, { isBrief: true, signal });
    return newer === undefined ? newest : undefined;
  } catch (error) {
    throw asBerthError(error);
  }
}
