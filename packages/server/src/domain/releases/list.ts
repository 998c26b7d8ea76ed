import { BerthError } from "@berth/base";
import type { Clock } from "@berth/base";

import { comparePlaces, needsSummary, parseOrder, placeIn } from "./columns.ts";
import type { Order, OrderPlace } from "./columns.ts";
import { unreadable } from "./decode.ts";
import { ALL_CLUSTERS, staleCluster } from "../clusters/index.ts";
import type { StaleCluster } from "../clusters/index.ts";
import { compileFilter, readsSummary } from "./filter.ts";
import type { RowMatcher } from "./filter.ts";
import { findRows } from "./found.ts";
import { parsePageToken, toPageToken } from "./page.ts";
import { provenanceOf } from "./provenance.ts";
import type { ReleaseIndex } from "./release-index.ts";
import { toRow } from "./row.ts";
import type { Row } from "./row.ts";
import { countBefore } from "./sorted-rows.ts";
import type { StuckJudge } from "./stuck.ts";
import type { Summaries } from "./summaries.ts";
import type { ReleaseTable } from "./table.ts";
import type { ListQuery, ReleasePage } from "./list-types.ts";
import type { Release } from "./types.ts";

/** How long a page waits for the records of its own releases, in milliseconds. */
const PAGE_WAIT = 500;
/** How long a list waits for all records that it filters or sorts by, in milliseconds. */
const FILL_WAIT = 1_000;

/** How long a list of revisions waits for their records, in milliseconds. */
const RECORDS_WAIT = 5_000;

/** What lists are made of. */
export interface ListParts {
  readonly table: ReleaseTable;
  readonly stuckOf: StuckJudge;
  /** Undefined where the cluster is not known, or not any more. */
  readonly indexOf: (cluster: string) => ReleaseIndex | undefined;
  readonly summariesOf: (cluster: string) => Summaries | undefined;
  /** Names of the clusters there are. */
  readonly clusterNames: () => readonly string[];
  readonly clock: Pick<Clock, "sleep">;
}

/** A page of the newest revisions. */
export async function listReleases(parts: ListParts, query: ListQuery, sees: RowMatcher): Promise<ReleasePage> {
  const { table, stuckOf } = parts;
  const order = parseOrder(query.orderBy);
  const isMeant = compileFilter(query, stuckOf);
  const cursor = parsePageToken(query.pageToken, order);
  const staleClusters = await judgeClusters(parts, query);
  const cluster = query.cluster === ALL_CLUSTERS ? undefined : query.cluster;
  const heard = heardOf(parts, query, staleClusters);
  if (needsSummary(order) || readsSummary(query)) await table.filled(heard, FILL_WAIT);

  const found = findRows(table, query, order.column, { isMeant, sees });
  const start = skip(order, found, cursor);
  const page = pageOf(found, order, start, query.pageSize);
  const hasMore = start + page.length < found.length;

  const soon = page.filter((row) => heard.includes(row.cluster));
  await table.hasten(soon, PAGE_WAIT);
  const last = page.at(-1);
  return {
    releases: page.map((row) => toListed(currentOf(table, row), stuckOf)),
    nextPageToken: hasMore && last !== undefined ? toPageToken(order, placeIn(order.column, last)) : "",
    totalSize: found.length,
    staleClusters,
    pendingSummaries: table.pending(cluster),
  };
}

/** A page of every stored revision, of one release after the other, newest first. */
export async function listRevisions(parts: ListParts, query: ListQuery, sees: RowMatcher): Promise<ReleasePage> {
  refuseSorting(query);
  const order: Order = { column: "revision", isDescending: true };
  const matches = compileFilter(query, parts.stuckOf);
  const cursor = parsePageToken(query.pageToken, order);
  const staleClusters = await judgeClusters(parts, query);
  const names = query.cluster === ALL_CLUSTERS ? parts.clusterNames() : [query.cluster];
  const found = names
    .flatMap((name) => revisionsOf(parts, name))
    .filter((row) => matches(row) && sees(row))
    .sort((a, b) => compareRevisions(placeIn("revision", a), placeIn("revision", b)));
  const rest =
    cursor === undefined ? found : found.filter((row) => compareRevisions(placeIn("revision", row), cursor) > 0);
  const page = rest.slice(0, query.pageSize);
  const last = page.at(-1);
  const heard = heardOf(parts, query, staleClusters);
  const read = await Promise.all(
    page.map(async (row) => (heard.includes(row.cluster) ? await withSummary(parts, row) : row)),
  );
  return {
    releases: read.map((row) => toListed(row, parts.stuckOf)),
    nextPageToken: last !== undefined && rest.length > page.length ? toPageToken(order, placeIn("revision", last)) : "",
    totalSize: found.length,
    staleClusters,
    pendingSummaries: read.filter(({ summary }) => summary === undefined).length,
  };
}

/** Rows as they are shown: they are never changed, and shown again and again. */
const shown = new WeakMap<Row, Release>();

/** A row as it is shown. */
export function toListed(row: Row, stuckOf: StuckJudge): Release {
  const stuck = stuckOf(row.cluster, row.revision);
  const known = stuck === undefined ? shown.get(row) : undefined;
  if (known !== undefined) return known;
  const release = { ...show(row), stuck };
  if (stuck === undefined) shown.set(row, release);
  return release;
}

function show({ cluster, revision, summary }: Row): Release {
  const { namespace, name, status, labels } = revision;
  const known = summary ?? unreadable("");
  const made = provenanceOf({ ...known, ...revision });
  const place = { cluster, namespace, name, revision: revision.revision, status, labels };
  return { ...place, ...known, ...made, summaryPending: summary === undefined };
}

/** Which of the clusters asked are behind. NOT_READY where nothing is known of the only one. */
async function judgeClusters(parts: ListParts, query: ListQuery): Promise<readonly StaleCluster[]> {
  const { cluster, minResourceVersion } = query;
  if (cluster !== ALL_CLUSTERS) {
    const index = parts.indexOf(cluster);
    index?.checkKnown();
    if (minResourceVersion !== "") await index?.waitFor(minResourceVersion);
    return staleness(parts, [cluster]);
  }
  if (minResourceVersion !== "") {
    throw new BerthError("INVALID_ARGUMENT", "A resourceVersion is one of one cluster.", {
      field: "min_resource_version",
      hint: "Ask the cluster that the operation ran in.",
    });
  }
  return staleness(parts, parts.clusterNames());
}

const UNCONNECTED = { isCurrent: false, reason: "It is not connected yet.", knownAt: undefined };

function staleness({ indexOf }: ListParts, names: readonly string[]): readonly StaleCluster[] {
  return names.flatMap((cluster) => {
    return staleCluster(cluster, indexOf(cluster)?.freshness() ?? UNCONNECTED);
  });
}

/** The clusters whose records a list waits for: the only one it asks, or of all those that are heard of. */
function heardOf(
  { clusterNames }: ListParts,
  { cluster }: ListQuery,
  staleClusters: readonly StaleCluster[],
): readonly string[] {
  if (cluster !== ALL_CLUSTERS) return [cluster];
  const stale = new Set(staleClusters.map((one) => one.cluster));
  return clusterNames().filter((name) => !stale.has(name));
}

function pageOf(ascending: readonly Row[], { isDescending }: Order, start: number, size: number): readonly Row[] {
  if (!isDescending) return ascending.slice(start, start + size);
  const end = ascending.length - start;
  return ascending.slice(Math.max(0, end - size), end).reverse();
}

/** How many rows, in the direction of the order, the pages before have had. */
function skip({ column, isDescending }: Order, ascending: readonly Row[], cursor: OrderPlace | undefined): number {
  if (cursor === undefined) return 0;
  const before = countBefore(ascending, column, cursor);
  if (isDescending) return ascending.length - before;
  const row = ascending[before];
  const isThere = row !== undefined && comparePlaces(placeIn(column, row), cursor) === 0;
  return isThere ? before + 1 : before;
}

/** The row as it is by now: its record may have been read meanwhile. */
function currentOf(table: ReleaseTable, row: Row): Row {
  const current = table.get({ ...row.revision, cluster: row.cluster });
  return current?.revision === row.revision ? current : row;
}

function revisionsOf({ indexOf }: ListParts, cluster: string): Row[] {
  const index = indexOf(cluster);
  if (index?.isKnown() !== true) return [];
  return index.revisions().map((revision) => toRow(cluster, revision, undefined));
}

/** The row with its summary, or without where the cluster does not give the record in time. */
async function withSummary({ summariesOf, clock }: ListParts, row: Row): Promise<Row> {
  const over = new AbortController();
  const reading = summariesOf(row.cluster)
    ?.of(row.revision)
    .catch((error: unknown) => unreadable(error instanceof BerthError ? error.message : "It cannot be read."));
  const late = clock.sleep(RECORDS_WAIT, over.signal).then(() => undefined);
  // It rejects once nobody waits for it any more.
  late.catch(() => undefined);
  const summary = await Promise.race([reading, late]);
  over.abort();
  return toRow(row.cluster, row.revision, summary);
}

function compareRevisions(a: ReturnType<typeof placeIn>, b: ReturnType<typeof placeIn>): number {
  return comparePlaces({ ...a, value: "" }, { ...b, value: "" }) || Number(b.value) - Number(a.value);
}

function refuseSorting({ orderBy, chart, chartVersion }: ListQuery): void {
  const field = orderBy === "" ? (chart === "" ? (chartVersion === "" ? "" : "chart_version") : "chart") : "order_by";
  if (field === "") return;
  throw new BerthError(
    "INVALID_ARGUMENT",
    "All revisions are listed by release, and not by what stands in their records.",
    {
      field,
      hint: "Leave it out, or list the newest revisions alone.",
    },
  );
}
