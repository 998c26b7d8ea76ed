import { BerthError } from "@berth/base";
import { Range, SemVer } from "semver";

import { ALL_CLUSTERS } from "../clusters/index.ts";
import { parseLabelSelector } from "./label-selector.ts";
import type { Row } from "./row.ts";
import type { StuckJudge } from "./stuck.ts";
import type { ListQuery, ReleaseFilter } from "./list-types.ts";

/** A query that narrows nothing: what a caller leaves out. */
export const UNNARROWED: Omit<ListQuery, "cluster" | "pageSize"> = {
  ...{ namespace: "", labelSelector: "", status: [], filter: "", chart: "", chartVersion: "", stuck: false },
  ...{ orderBy: "", pageToken: "", minResourceVersion: "", allRevisions: false },
};

/** Whether a list has a row. */
export type RowMatcher = (row: Row) => boolean;

/** Of a caller from whom nothing is kept. */
export const SEES_ALL: RowMatcher = () => true;

/** Compiles what a list asks for. INVALID_ARGUMENT names the field that cannot be read. Pure. */
export function compileFilter(filter: ReleaseFilter, stuckOf: StuckJudge): RowMatcher {
  const { cluster, namespace, status, chart, stuck } = filter;
  const all: RowMatcher[] = [];
  if (cluster !== ALL_CLUSTERS) all.push((row) => row.cluster === cluster);
  if (namespace !== "") all.push(({ revision }) => revision.namespace === namespace);
  if (status.length > 0) all.push(({ revision }) => status.includes(revision.status));
  if (filter.labelSelector.trim() !== "") {
    const matches = parseLabelSelector(filter.labelSelector);
    all.push(({ revision }) => matches(revision.labels));
  }
  if (filter.filter !== "") all.push(byText(filter.filter));
  if (chart !== "") all.push(({ summary }) => summary?.chart?.name === chart);
  if (filter.chartVersion !== "") all.push(byVersion(filter.chartVersion));
  if (stuck) all.push((row) => stuckOf(row.cluster, row.revision) !== undefined);
  return (row) => all.every((matches) => matches(row));
}

/** Whether a filter looks at what only a record that was read can tell. */
export function readsSummary({ filter, chart, chartVersion }: ReleaseFilter): boolean {
  return filter !== "" || chart !== "" || chartVersion !== "";
}

function byText(text: string): RowMatcher {
  return ({ revision, summary }) => revision.name.includes(text) || summary?.chart?.name.includes(text) === true;
}

/** In a range of versions as npm and Helm write it; pre-releases are in it as others are. */
function byVersion(text: string): RowMatcher {
  const range = parseRange(text);
  const known = new Map<string, boolean>();
  return ({ summary }) => {
    const version = summary?.chart?.version ?? "";
    const before = known.get(version);
    if (before !== undefined) return before;
    const isIn = isInRange(version, range);
    known.set(version, isIn);
    return isIn;
  };
}

function parseRange(text: string): Range {
  try {
    // Helm joins by commas, npm by spaces.
    return new Range(text.replaceAll(",", " "), { loose: true, includePrerelease: true });
  } catch {
    throw new BerthError("INVALID_ARGUMENT", `"${text}" is no range of versions.`, {
      field: "chart_version",
      hint: "Write it as <1.4.0, ~1.4 or >=1.2 <2.",
    });
  }
}

function isInRange(version: string, range: Range): boolean {
  try {
    return range.test(new SemVer(version, { loose: true }));
  } catch {
    return false;
  }
}
