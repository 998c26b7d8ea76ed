import { BerthError, asBerthError } from "@berth/base";
import { getObject } from "@berth/kube";

import type { ReleaseTarget } from "../command.ts";
import { knownHistory } from "./history.ts";
import type { HistoryParts } from "./history.ts";
import type { StoredRevision } from "./stored-revision.ts";
import type { ReleaseReader } from "./types.ts";

/** How often a history is begun again that the release's next write comes between. */
const TRIES = 3;

/**
 * Reads the newest revision by its number, where the watch knows it, and a
 * history by its records: Helm finds them by a LIST of all revisions. That there
 * is no newer one is asked of the API server by the name that the next one would
 * have, so nothing old is ever shown.
 */
export function createNewestReader(reader: ReleaseReader, parts: HistoryParts): ReleaseReader {
  const orByList = async <T>(
    target: ReleaseTarget,
    { revision, signal }: { readonly revision: number; readonly signal: AbortSignal | undefined },
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
    ...reader,
    content: (principal, target, revision, options) =>
      orByList(target, { revision, signal: options?.signal }, (known) =>
        reader.content(principal, target, known, options),
      ),
    status: (principal, target, revision, options) =>
      orByList(target, { revision, signal: options?.signal }, (known) =>
        reader.status(principal, target, known, options),
      ),
    async history(principal, target, max, options) {
      for (let tries = 0; tries < TRIES; tries++) {
        const newest = await newestOf(parts, target, options?.signal);
        const known = newest === undefined ? "behind" : await knownHistory(parts, target, newest, max, options);
        if (known === "behind") break;
        if (known !== "moved") return known;
      }
      return reader.history(principal, target, max, options);
    },
  };
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
