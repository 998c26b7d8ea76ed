import { comparePlaces, placeIn } from "./columns.ts";
import type { Column, OrderPlace } from "./columns.ts";
import type { Row } from "./row.ts";

/** Rows in the ascending order of a column, kept so as they change one by one. */
export interface SortedRows {
  all(): readonly Row[];
  /** Takes `before` out and puts `after` in. */
  replace(before: Row | undefined, after: Row | undefined): void;
}

/** Sorts rows by a column. */
export function createSortedRows(column: Column, rows: Iterable<Row>): SortedRows {
  const sorted = [...rows]
    .map((row) => ({ row, place: placeIn(column, row) }))
    .sort((a, b) => comparePlaces(a.place, b.place))
    .map(({ row }) => row);
  const before = (place: OrderPlace) => countBefore(sorted, column, place);
  return {
    all: () => sorted,
    replace(old, after) {
      const from = old === undefined ? -1 : before(placeIn(column, old));
      const isThere = from >= 0 && sorted[from] === old;
      const to = after === undefined ? -1 : before(placeIn(column, after));
      // Most changes leave a row where it is.
      if (isThere && after !== undefined && (to === from || to === from + 1)) {
        sorted[from] = after;
        return;
      }
      if (isThere) sorted.splice(from, 1);
      if (after !== undefined) sorted.splice(isThere && from < to ? to - 1 : to, 0, after);
    },
  };
}

/** How many of rows that are in the ascending order of a column stand before a place. */
export function countBefore(sorted: readonly Row[], column: Column, place: OrderPlace): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comparePlaces(placeIn(column, sorted[middle] as Row), place) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
