import type { BerthError, Logger } from "@berth/base";

import type { Cluster } from "../clusters/index.ts";
import { decodeSummary, unreadable } from "./decode.ts";
import type { Summary } from "./decode.ts";
import type { StoredRevision } from "./stored-revision.ts";

/** Summaries kept, of about 0.6 KB each. */
const KEPT = 20_000;
/** Records read at once. */
const CONCURRENCY = 16;
/** Bytes of an answer that carries one record: 1 MiB of data in base64, and its metadata. */
const MAX_RECORD = 4 * 1024 * 1024;

/** Summaries of stored revisions, decoded when somebody asks and kept by resourceVersion. */
export interface Summaries {
  /** In the order asked. A revision that is gone meanwhile has an unreadable summary. */
  of(revisions: readonly StoredRevision[]): Promise<Summary[]>;
}

/** Makes the summaries of one cluster. */
export function createSummaries(cluster: Cluster, log: Logger): Summaries {
  const kept = new Map<string, Summary>();
  const keep = (key: string, summary: Summary) => {
    kept.set(key, summary);
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT) break;
      kept.delete(oldest);
    }
  };
  const load = async (revision: StoredRevision): Promise<Summary> => {
    const key = `${revision.storage}/${revision.namespace}/${revision.objectName}@${revision.resourceVersion}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const summary = await read(cluster, revision, log);
    if (summary.unreadable === "") keep(key, summary);
    return summary;
  };
  return { of: (revisions) => mapBounded(revisions, CONCURRENCY, load) };
}

async function read(cluster: Cluster, revision: StoredRevision, log: Logger): Promise<Summary> {
  try {
    const { namespace, objectName, storage } = revision;
    const path = `/api/v1/namespaces/${namespace}/${storage}/${encodeURIComponent(objectName)}`;
    const object = await cluster.client.request<{ data?: { release?: string } }>({ path, maxBytes: MAX_RECORD });
    const data = object.data?.release ?? "";
    // A Secret's data carries the API's base64 around Helm's own.
    return await decodeSummary(storage === "secrets" ? Buffer.from(data, "base64").toString("latin1") : data);
  } catch (error) {
    log.warn({ error, release: revision.name, namespace: revision.namespace }, "a stored release cannot be read");
    return unreadable((error as BerthError).message);
  }
}

async function mapBounded<T, R>(items: readonly T[], limit: number, map: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await map(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
