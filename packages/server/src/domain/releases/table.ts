import type { Clock, Logger } from "@berth/base";

import type { Column } from "./columns.ts";
import { createFiller } from "./filler.ts";
import type { NewestChange, ReleaseIndex } from "./release-index.ts";
import { rowKey, toRow } from "./row.ts";
import type { Row, RowPlace } from "./row.ts";
import { createSortedRows } from "./sorted-rows.ts";
import type { SortedRows } from "./sorted-rows.ts";
import type { Summaries } from "./summaries.ts";

/** A change of the table, after it was made. */
export interface RowChange {
  readonly before: Row | undefined;
  readonly after: Row | undefined;
}

/** Where the rows of a cluster come from. */
export interface TableSource {
  readonly index: Pick<ReleaseIndex, "onNewest">;
  readonly summaries: Summaries;
}

/** The newest revision of each release of all clusters, with its summary once it is read. */
export interface ReleaseTable {
  /** Takes a cluster in, before its index is started; the function given back takes it out. */
  join(cluster: string, source: TableSource): () => void;
  /** How many releases are known, of one cluster or of all. */
  size(cluster?: string): number;
  /** Another number after each change. */
  generation(): number;
  get(place: RowPlace): Row | undefined;
  /** Namespaces of a cluster that have releases. */
  namespaces(cluster: string): ReadonlySet<string>;
  /** Rows in the ascending order of a column. */
  sorted(column: Column): SortedRows;
  /** Releases of a cluster whose records are not read yet; of all where it is undefined. */
  pending(cluster: string | undefined): number;
  /** Reads the records of these first; resolves once they are read, or after so many milliseconds. */
  hasten(rows: readonly Row[], withinMs: number): Promise<void>;
  /** Waits, not longer, until nothing of these clusters is pending. */
  filled(clusters: readonly string[], withinMs: number): Promise<void>;
  onChange(listener: (change: RowChange) => void): () => void;
}

/** An empty table. */
export function createReleaseTable(log: Logger, clock: Clock): ReleaseTable {
  const rows = new Map<string, Row>();
  let generation = 0;
  const sizes = new Map<string, number>();
  const orders = new Map<Column, SortedRows>();
  const listeners = new Set<(change: RowChange) => void>();
  const set = (key: string, after: Row | undefined) => {
    const before = rows.get(key);
    if (before === after) return;
    generation++;
    if (after === undefined) rows.delete(key);
    else rows.set(key, after);
    const { cluster } = (after ?? before) as Row;
    const more = (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
    sizes.set(cluster, (sizes.get(cluster) ?? 0) + more);
    for (const order of orders.values()) order.replace(before, after);
    for (const listener of listeners) listener({ before, after });
  };
  const filler = createFiller({ get: (key) => rows.get(key), set, log, clock });
  return {
    join(cluster, { index, summaries }) {
      const take = ({ key, after }: NewestChange) => {
        const place = `${cluster}/${key}`;
        const row = after === undefined ? undefined : toRow(cluster, after, undefined);
        set(place, row);
        if (row !== undefined) filler.add(place);
      };
      const leave = filler.join(cluster, summaries);
      const end = index.onNewest(take);
      return () => {
        end();
        leave();
        for (const [key, row] of rows) if (row.cluster === cluster) set(key, undefined);
      };
    },
    size: (cluster) => (cluster === undefined ? rows.size : (sizes.get(cluster) ?? 0)),
    generation: () => generation,
    get: (place) => rows.get(rowKey(place)),
    namespaces(cluster) {
      const found = new Set<string>();
      for (const row of rows.values()) if (row.cluster === cluster) found.add(row.revision.namespace);
      return found;
    },
    sorted(column) {
      const known = orders.get(column) ?? createSortedRows(column, rows.values());
      orders.set(column, known);
      return known;
    },
    pending: (cluster) => filler.waiting(cluster),
    hasten: (some, withinMs) =>
      filler.hasten(
        some.map((row) => rowKey({ ...row.revision, cluster: row.cluster })),
        withinMs,
      ),
    filled: (clusters, withinMs) => filler.filled(clusters, withinMs),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
