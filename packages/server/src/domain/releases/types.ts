import type { BerthError, ObjectName } from "@berth/base";

import type { AskOptions, InstallCommand, ReleaseTarget, UpgradeCommand } from "../command.ts";
import type { Principal } from "../access/index.ts";
import type { ListQuery, ReleaseFilter, ReleaseNews, ReleasePage } from "./list-types.ts";
import type { ChartName, Release } from "./release.ts";

export type { ChartName, Release, Stuck } from "./release.ts";

/** The live state of an object, in kstatus' words. */
export interface ObjectStatus {
  readonly object: ObjectName;
  readonly status: string;
  readonly reason: string;
}

/** A hook of a revision with its last run. */
export interface Hook {
  readonly name: string;
  readonly kind: string;
  readonly path: string;
  readonly events: readonly string[];
  readonly weight: number;
  readonly deletePolicies: readonly string[];
  readonly manifest: string;
  readonly lastPhase: string;
  readonly lastStarted: Date | undefined;
  readonly lastCompleted: Date | undefined;
}

/** JSON as values carry it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A revision with all its parts. */
export interface RevisionContent {
  readonly release: Release;
  readonly values: { readonly [key: string]: Json };
  readonly valuesYaml: string;
  readonly computedValues: { readonly [key: string]: Json };
  readonly computedValuesYaml: string;
  readonly manifest: string;
  readonly notes: string;
  readonly hooks: readonly Hook[];
  /** The chart's Chart.yaml; empty where the revision has none. */
  readonly chartMetadata: { readonly [key: string]: Json };
  /** Present where it was asked for. */
  readonly chart: StoredChart | undefined;
  /** Whether values, or the data of a Secret, are not shown, because the caller may not read Secrets there. */
  readonly redacted: { readonly values: boolean; readonly manifest: boolean };
}

/** What Helm keeps of a chart with a revision; no dependencies. */
export interface StoredChart {
  readonly templates: readonly StoredFile[];
  readonly files: readonly StoredFile[];
  /** Default values. */
  readonly valuesYaml: string;
}

/** A file of a chart. */
export interface StoredFile {
  readonly name: string;
  readonly data: Uint8Array;
}

/** What became of an object between two revisions. */
export interface ObjectChange {
  readonly object: ObjectName;
  readonly change: "added" | "removed" | "changed";
}

/** Two revisions compared; `manifest` and `values` are unified diffs. */
export interface RevisionDiff {
  readonly from: number;
  readonly to: number;
  readonly manifest: string;
  readonly values: string;
  readonly objects: readonly ObjectChange[];
  /** Whether anything of either is not shown. */
  readonly redacted: boolean;
}

/** A revision with the live state of its objects. */
export interface LiveRelease {
  readonly release: Release;
  readonly ready: boolean;
  readonly objects: readonly ObjectStatus[];
}

/** How an object of a release is beside the stored manifest. */
export type CheckState = "inSync" | "drifted" | "missing" | "unknown";

/** One object of a manifest, and what of it has drifted. */
export interface CheckedObject {
  readonly object: ObjectName;
  readonly state: CheckState;
  /** Values as JSON; empty where the field is not there. */
  readonly fields: readonly { readonly path: string; readonly live: string; readonly wanted: string }[];
  /** Why nobody can tell. */
  readonly error: BerthError | undefined;
}

/** The newest revision beside what is live. */
export interface CheckedRelease {
  readonly release: Release;
  readonly objects: readonly CheckedObject[];
}

/** Reads what Helm has stored; the engine does it. A revision of 0 means the newest. */
export interface ReleaseReader {
  content(
    principal: Principal,
    target: ReleaseTarget,
    revision: number,
    options?: ContentOptions,
  ): Promise<RevisionContent>;
  /** Newest first, at most `max`. */
  history(principal: Principal, target: ReleaseTarget, max: number, options?: AskOptions): Promise<readonly Release[]>;
  status(principal: Principal, target: ReleaseTarget, revision: number, options?: AskOptions): Promise<LiveRelease>;
  /** What of the newest revision has drifted. */
  check(principal: Principal, target: ReleaseTarget, options?: AskOptions): Promise<CheckedRelease>;
}

/** How new an answer has to be. */
export interface GetOptions extends AskOptions {
  /**
   * Answers from memory, at least as new as this; `0`: whatever is known. Absent
   * or empty: what is stored by now. NOT_READY where it does not come in 2 s.
   */
  readonly minResourceVersion?: string | undefined;
}

/** What is read of a revision. */
export interface ContentOptions extends AskOptions {
  /** With templates, files and default values of the chart. */
  readonly withChart?: boolean | undefined;
}

/**
 * Releases as a caller may see them. A revision of 0 means the newest. Errors:
 * CLUSTER_NOT_FOUND, RELEASE_NOT_FOUND, REVISION_NOT_FOUND, FORBIDDEN,
 * CLUSTER_UNREACHABLE, NOT_READY.
 */
export interface ReleaseView extends ReleaseReader {
  list(principal: Principal, query: ListQuery): Promise<ReleasePage>;
  /**
   * What there is, then what becomes of it, until the signal aborts. With the
   * resume token of an earlier piece of news: what has happened since.
   */
  watch(
    principal: Principal,
    filter: ReleaseFilter,
    resumeToken: string,
    signal: AbortSignal,
  ): AsyncGenerator<ReleaseNews>;
  get(principal: Principal, target: ReleaseTarget, revision: number, options?: GetOptions): Promise<Release>;
  /** `from` 0: the one before `to`. */
  diff(principal: Principal, target: ReleaseTarget, from: number, to: number, how?: AskOptions): Promise<RevisionDiff>;
}

/** What an install or upgrade would change. */
export interface Plan {
  readonly token: string;
  readonly verb: "install" | "upgrade";
  readonly chart: ChartName;
  readonly chartDigest: string;
  /** Newest stored revision; 0 where there is none. */
  readonly revision: number;
  readonly objects: readonly PlannedObject[];
  readonly hooks: readonly PlannedHook[];
  readonly crds: readonly PlannedCrd[];
  /** Unified diff; empty where the user-supplied values stay. */
  readonly valuesDiff: string;
  /** Bytes of Helm's record. */
  readonly encodedSize: number;
  /** Whether values are not shown, because the caller may not read Secrets there. */
  readonly redacted: boolean;
}

/** What would happen to an object. */
export type PlannedChange = "create" | "update" | "unchanged" | "delete" | "keep";

/** One object, as it is and as it would be, as YAML. */
export interface PlannedObject {
  readonly object: ObjectName;
  readonly change: PlannedChange;
  readonly diff: string;
  readonly live: string;
  readonly planned: string;
  /** Why the API server would refuse it. */
  readonly error: BerthError | undefined;
}

/** A hook that would run. */
export interface PlannedHook extends Hook {
  /** Why the API server would refuse to create or delete it. */
  readonly error: BerthError | undefined;
}

/** A definition of a chart's crds folder. */
export interface PlannedCrd {
  readonly name: string;
  readonly change: PlannedChange;
  readonly differs: boolean;
  readonly diff: string;
  readonly error: BerthError | undefined;
}

/** A chart rendered as its install would render it. */
export interface Rendered {
  readonly manifest: string;
  readonly notes: string;
  readonly hooks: readonly Hook[];
  readonly chartDigest: string;
  readonly encodedSize: number;
}

/** Looks ahead, and changes nothing. */
export interface ReleasePlanner {
  plan(principal: Principal, command: InstallCommand | UpgradeCommand, options?: AskOptions): Promise<Plan>;
  render(principal: Principal, command: InstallCommand, options?: AskOptions): Promise<Rendered>;
}

/** Releases to look at, and the range of which a newer version has to be (empty: any stable one). */
export interface OutdatedQuery extends Pick<
  ListQuery,
  "cluster" | "namespace" | "labelSelector" | "pageSize" | "pageToken"
> {
  readonly version: string;
}

/** A release with the newest version of its chart, or why its source could not be asked. */
export interface OutdatedRelease {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly chart: ChartName | undefined;
  readonly source: string;
  readonly newest: string;
  readonly code: string;
}

/** Lists what is not up to date. */
export type OutdatedLister = (
  principal: Principal,
  query: OutdatedQuery,
  options?: AskOptions,
) => Promise<{ readonly releases: readonly OutdatedRelease[] } & Pick<ReleasePage, "nextPageToken" | "staleClusters">>;

/** One user-supplied value that means something else in other defaults; both as JSON. */
export interface ValueFinding {
  readonly path: string;
  readonly kind: "removed" | "moved" | "typeChanged" | "sameAsDefault";
  readonly movedTo: string;
  readonly mine: string;
  readonly default: string;
}
