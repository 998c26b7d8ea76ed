import type { staleCluster } from "@berth/sdk";

import type { Io } from "../io.ts";
import type { Table } from "./table.ts";

/** The cluster of a list that means all of them. */
const ALL = "-";

/** A table of objects with their clusters before them, where those of all clusters are asked for. */
export function inClusters<T extends { readonly cluster: string }>(
  cluster: string,
  toTable: (objects: readonly T[], wide: boolean) => Table,
): (objects: readonly T[], wide: boolean) => Table {
  if (cluster !== ALL) return toTable;
  return (objects, wide) => {
    const { columns, rows } = toTable(objects, wide);
    return {
      columns: ["CLUSTER", ...columns],
      rows: rows.map((row, index) => [objects[index]?.cluster ?? "", ...row]),
    };
  };
}

/** Says of which clusters nothing new is known, beside what is printed. */
export function warnOfStale({ stderr }: Io, clusters: readonly staleCluster.StaleCluster[]): void {
  for (const { cluster, reason } of clusters) {
    stderr.write(`warning: cluster "${cluster}" is not heard of: ${reason}\n`);
  }
}
