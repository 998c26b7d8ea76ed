import { keepNewest } from "@berth/base";

import type { Cluster } from "../clusters/index.ts";
import type { Summary } from "./decode.ts";
import type { Decoder } from "./decoder.ts";
import type { StoredRevision } from "./stored-revision.ts";

/** Summaries of old revisions that are kept, of about 0.6 KB each; those of the newest are in the table. */
const KEPT = 10_000;
/** Bytes of an answer that carries one record: 1 MiB of data in base64, and its metadata. */
const MAX_RECORD = 4 * 1024 * 1024;

/** Summaries of stored revisions, read when somebody asks. */
export interface Summaries {
  /**
   * Reads one; two that ask at once share the answer. What cannot be decoded
   * has a summary that says so. Rejects where the record cannot be had:
   * CLUSTER_UNREACHABLE, or the API server's error where it is gone meanwhile.
   */
  of(revision: StoredRevision): Promise<Summary>;
}

/** Makes the summaries of one cluster. */
export function createSummaries(cluster: Cluster, decoder: Decoder): Summaries {
  const kept = new Map<string, Promise<Summary>>();
  return {
    of(revision) {
      const key = `${revision.storage}/${revision.namespace}/${revision.objectName}@${revision.resourceVersion}`;
      const known = kept.get(key);
      if (known !== undefined) return known;
      const reading = read(cluster, revision, decoder);
      keepNewest(kept, key, reading, KEPT);
      reading.catch(() => kept.delete(key));
      return reading;
    },
  };
}

async function read(cluster: Cluster, revision: StoredRevision, decoder: Decoder): Promise<Summary> {
  const { namespace, objectName, storage } = revision;
  const path = `/api/v1/namespaces/${namespace}/${storage}/${encodeURIComponent(objectName)}`;
  const object = await cluster.client.request<{ data?: { release?: string } }>({ path, maxBytes: MAX_RECORD });
  const data = object.data?.release ?? "";
  // A Secret's data carries the API's base64 around Helm's own.
  return decoder.decode(storage === "secrets" ? Buffer.from(data, "base64").toString("latin1") : data);
}
