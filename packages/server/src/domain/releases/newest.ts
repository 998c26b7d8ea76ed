import { BerthError, asBerthError } from "@berth/base";
import { isNotFound } from "@berth/kube";

import type { ClusterRegistry } from "../clusters/index.ts";
import type { ReleaseTarget } from "../command.ts";
import type { ReleaseIndex } from "./release-index.ts";
import type { ReleaseReader } from "./types.ts";

/** What is known beside the engine. */
export interface NewestParts {
  readonly clusters: ClusterRegistry;
  readonly indexOf: (cluster: string) => ReleaseIndex | undefined;
}

/**
 * Reads the newest revision by its number, where the watch knows it: Helm finds
 * it by a LIST of all revisions. That there is no newer one is asked of the API
 * server by the name that the next one would have, so nothing old is ever shown.
 */
export function createNewestReader(reader: ReleaseReader, parts: NewestParts): ReleaseReader {
  const orByList = async <T>(
    target: ReleaseTarget,
    { revision, signal }: { readonly revision: number; readonly signal: AbortSignal | undefined },
    read: (revision: number) => Promise<T>,
  ) => {
    const known = revision === 0 ? await newestOf(parts, target, signal) : 0;
    if (known === 0) return read(revision);
    return read(known).catch((error: unknown) => {
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
  };
}

/** Number of the newest revision; 0 where only a list can tell. */
async function newestOf(
  { clusters, indexOf }: NewestParts,
  target: ReleaseTarget,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { cluster, namespace, name } = target;
  const index = indexOf(cluster);
  const newest = index?.freshness().isCurrent === true ? index.find(namespace, name) : undefined;
  if (newest === undefined) return 0;
  const next = newest.objectName.replace(/\d+$/, String(newest.revision + 1));
  const path = `/api/v1/namespaces/${namespace}/${newest.storage}/${encodeURIComponent(next)}`;
  try {
    await clusters.get(cluster).client.request({ path, signal });
    return 0;
  } catch (error) {
    if (isNotFound(error)) return newest.revision;
    throw asBerthError(error);
  }
}
