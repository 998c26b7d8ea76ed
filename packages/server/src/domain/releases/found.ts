import { keepNewest } from "@berth/base";

import type { Column } from "./columns.ts";
import { SEES_ALL } from "./filter.ts";
import type { RowMatcher } from "./filter.ts";
import type { ReleaseFilter } from "./list-types.ts";
import type { Row } from "./row.ts";
import type { ReleaseTable } from "./table.ts";

/** Lists that are kept, each as many references as it has releases. */
const KEPT = 64;

/** What was found of a table, by what was asked, and when. */
interface Found {
  readonly generation: number;
  readonly lists: Map<string, readonly Row[]>;
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
  const found = before?.generation === generation ? before : { generation, lists: new Map<string, readonly Row[]>() };
  kept.set(table, found);
  const { lists } = found;
  const rows = lists.get(key) ?? all.filter(isMeant);
  keepNewest(lists, key, rows, KEPT);
  return rows;
}
