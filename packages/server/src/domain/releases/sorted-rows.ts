import { comparePlaces, placeIn } from "./columns.ts";
import type { Column, OrderPlace } from "./columns.ts";
import type { Row } from "./row.ts";

/** Rows in the ascending order of a column, kept so as they change one by one. */
export interface SortedRows {
  all(): readonly Row[];
  /** Takes `before` out and puts `after` in. */
  replace(before: Row | undefined, after: Row | undefined): void;
  /** How many rows stand before a place. */
  countBefore(place: OrderPlace): number;
}

/** Sorts rows by a column. */
export function createSortedRows(column: Column, rows: Iterable<Row>): SortedRows {
  const sorted = [...rows]
    .map((row) => ({ row, place: placeIn(column, row) }))
    .sort((a, b) => comparePlaces(a.place, b.place))
    .map(({ row }) => row);
  const countBefore = (place: OrderPlace) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (comparePlaces(placeIn(column, sorted[middle] as Row), place) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    all: () => sorted,
    countBefore,
    replace(before, after) {
      const from = before === undefined ? -1 : countBefore(placeIn(column, before));
      const isThere = from >= 0 && sorted[from] === before;
      const to = after === undefined ? -1 : countBefore(placeIn(column, after));
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
