import { BerthError } from "@berth/base";

import type { Row, RowPlace } from "./row.ts";

/** What a column of a list sorts by. */
export type SortValue = string | number;

/** Columns by which lists are sorted. */
const COLUMNS = {
  // Namespace and name decide where all else is the same.
  namespace: () => "",
  name: ({ revision }) => revision.name,
  cluster: ({ cluster }) => cluster,
  status: ({ revision }) => revision.status,
  revision: ({ revision }) => revision.revision,
  chart: ({ chartKey }) => chartKey,
  app_version: ({ summary }) => summary?.chart?.appVersion ?? "",
  updated: ({ summary, revision }) => summary?.lastDeployed?.getTime() ?? revision.changedAt,
} as const satisfies Record<string, (row: Row) => SortValue>;

/** Name of a column. */
export type Column = keyof typeof COLUMNS;

/** Columns that only a record that was read can fill. */
const OF_SUMMARY: ReadonlySet<Column> = new Set(["chart", "app_version", "updated"]);

/** How a list is sorted. */
export interface Order {
  readonly column: Column;
  readonly isDescending: boolean;
}

/** A place in an order: after it a page begins. */
export interface OrderPlace extends RowPlace {
  readonly value: SortValue;
}

/** Reads `COLUMN` or `COLUMN desc`; empty means by namespace and name. INVALID_ARGUMENT with field `order_by` else. */
export function parseOrder(text: string): Order {
  const [column = "", direction = "asc", ...rest] = text.trim() === "" ? ["namespace"] : text.trim().split(/\s+/);
  if (Object.hasOwn(COLUMNS, column) && /^(asc|desc)$/.test(direction) && rest.length === 0) {
    return { column: column as Column, isDescending: direction === "desc" };
  }
  throw new BerthError("INVALID_ARGUMENT", `Releases are not sorted by "${text}".`, {
    field: "order_by",
    hint: `Write one of ${Object.keys(COLUMNS).join(", ")}, and " desc" after it for the other direction.`,
  });
}

/** Whether the order depends on what stands in the records. */
export function needsSummary({ column }: Order): boolean {
  return OF_SUMMARY.has(column);
}

/** Where a row stands in the order of a column. */
export function placeIn(column: Column, row: Row): OrderPlace {
  const { namespace, name } = row.revision;
  return { value: COLUMNS[column](row), cluster: row.cluster, namespace, name };
}

/** Orders places: by their value, then by namespace, name and cluster, texts by code units. */
export function comparePlaces(a: OrderPlace, b: OrderPlace): number {
  return (
    compare(a.value, b.value) ||
    compare(a.namespace, b.namespace) ||
    compare(a.name, b.name) ||
    compare(a.cluster, b.cluster)
  );
}

function compare(a: SortValue, b: SortValue): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
