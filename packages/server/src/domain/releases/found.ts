import type { Column } from "./columns.ts";
import { SEES_ALL } from "./filter.ts";
import type { RowMatcher } from "./filter.ts";
import type { ReleaseFilter } from "./list-types.ts";
import type { Row } from "./row.ts";
import type { ReleaseTable } from "./table.ts";

/** References to rows in the lists that are kept: 8 MB of them. */
const MAX_ROWS = 1_000_000;
/** Lists that are kept, however short they are. */
const MAX_LISTS = 4_000;

/** What was found of a table, by what was asked, the oldest first, and when. */
interface Found {
  readonly generation: number;
  readonly lists: Map<string, readonly Row[]>;
  /** In all lists together. */
  rows: number;
}

const kept = new WeakMap<ReleaseTable, Found>();

/**
 * The rows of a list in the ascending order of a column. Whoever reads page
 * after page, and whoever asks the same, finds it done as long as nothing has
 * changed. What depends on the time or on the caller is looked for each time.
 */
export function findRows(
  table: ReleaseTable,
  filter: ReleaseFilter,
  column: Column,
  { isMeant, sees }: { readonly isMeant: RowMatcher; readonly sees: RowMatcher },
): readonly Row[] {
  const all = table.sorted(column).all();
  if (sees !== SEES_ALL) return all.filter((row) => isMeant(row) && sees(row));
  if (filter.stuck) return all.filter(isMeant);
  const { cluster, namespace, labelSelector, status, filter: text, chart, chartVersion } = filter;
  const key = JSON.stringify([column, cluster, namespace, labelSelector, status, text, chart, chartVersion]);
  const before = kept.get(table);
  const generation = table.generation();
  // With a change all that was found is old, and nobody holds what it names.
  const found =
    before?.generation === generation ? before : { generation, lists: new Map<string, readonly Row[]>(), rows: 0 };
  kept.set(table, found);
  const rows = found.lists.get(key) ?? all.filter(isMeant);
  drop(found, key);
  found.lists.set(key, rows);
  found.rows += rows.length;
  for (const oldest of found.lists.keys()) {
    if (found.rows <= MAX_ROWS && found.lists.size <= MAX_LISTS) break;
    drop(found, oldest);
  }
  return rows;
}

function drop(found: Found, key: string): void {
  found.rows -= found.lists.get(key)?.length ?? 0;
  found.lists.delete(key);
}
