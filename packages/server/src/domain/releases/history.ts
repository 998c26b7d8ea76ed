import { asBerthError } from "@berth/base";
import { getObject, isNotFound } from "@berth/kube";

import type { AskOptions, ReleaseTarget } from "../command.ts";
import type { ClusterRegistry } from "../clusters/index.ts";
import { unreadable } from "./decode.ts";
import { toListed } from "./list.ts";
import type { ReleaseIndex } from "./release-index.ts";
import { toRow } from "./row.ts";
import type { Release } from "./release.ts";
import type { StoredRevision } from "./stored-revision.ts";
import type { Summaries } from "./summaries.ts";
import type { ReleaseTable } from "./table.ts";

/** What a history is made of. */
export interface HistoryParts {
  readonly clusters: Pick<ClusterRegistry, "get">;
  readonly indexOf: (cluster: string) => ReleaseIndex | undefined;
  readonly summariesOf: (cluster: string) => Summaries | undefined;
  readonly table: Pick<ReleaseTable, "get">;
}

/**
 * The revisions that the watch knows, newest first, once it has seen the newest
 * as it is stored by now: whoever writes a release writes that one last. Records
 * of old revisions do not change, so each is read once. `moved`: the release was
 * written meanwhile, or is gone; `behind`: the watch does not come so far.
 */
export async function knownHistory(
  parts: HistoryParts,
  target: ReleaseTarget,
  newest: StoredRevision,
  max: number,
  { signal }: AskOptions = {},
): Promise<readonly Release[] | "moved" | "behind"> {
  const { cluster, namespace, name } = target;
  const index = parts.indexOf(cluster);
  const summaries = parts.summariesOf(cluster);
  if (index === undefined || summaries === undefined) return "behind";
  const stored = await storedVersion(parts, cluster, newest, signal);
  if (stored === undefined) return "moved";
  const isSeen = () => index.find(namespace, name)?.resourceVersion === stored;
  const isThere =
    isSeen() ||
    (await index.waitFor(stored).then(
      () => true,
      () => false,
    ));
  if (!isThere) return "behind";
  if (!isSeen()) return "moved";
  const revisions = [...index.revisionsOf(namespace, name)].sort((a, b) => b.revision - a.revision).slice(0, max);
  const read = await Promise.all(revisions.map((one) => summaryOf(parts, summaries, cluster, one)));
  return revisions.flatMap((one, at) => {
    const summary = read[at];
    return summary === undefined ? [] : [toListed(toRow(cluster, one, summary), () => undefined)];
  });
}

/** Version of the newest revision's record by now; undefined where it is gone. */
async function storedVersion(
  { clusters }: HistoryParts,
  cluster: string,
  { storage, namespace, objectName: name }: StoredRevision,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const resource = { group: "", version: "v1", plural: storage };
  const found = await getObject(clusters.get(cluster).client, { resource, namespace, name }, { isBrief: true, signal });
  return found?.metadata.resourceVersion;
}

/** Undefined where the record is gone meanwhile. */
async function summaryOf({ table }: HistoryParts, summaries: Summaries, cluster: string, revision: StoredRevision) {
  const row = table.get({ ...revision, cluster });
  if (row?.revision === revision && row.summary !== undefined) return row.summary;
  return summaries.of(revision).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    const { code, message } = asBerthError(error);
    if (code === "CLUSTER_UNREACHABLE") throw error;
    return unreadable(message);
  });
}
