import type { ObjectName } from "@berth/base";

import type { ReleaseTarget } from "../command.ts";
import type { Principal } from "../access/index.ts";

/** A release as it is stored: its newest revision, or one of its history. */
export interface Release {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  /** Helm's word: deployed, failed, superseded, pending-install, … */
  readonly status: string;
  readonly description: string;
  readonly firstDeployed: Date | undefined;
  readonly lastDeployed: Date | undefined;
  readonly deleted: Date | undefined;
  readonly chart: ChartName | undefined;
  /** The caller's labels; neither Helm's nor Berth's. */
  readonly labels: Readonly<Record<string, string>>;
  /** Who made the revision, from what; keys without `berth.dev/`. */
  readonly provenance: Readonly<Record<string, string>>;
  /** Empty where Berth did not write it. */
  readonly operationId: string;
  /** Why chart and times are missing; empty where they are there. */
  readonly unreadable: string;
}

/** A chart as a release carries it. */
export interface ChartName {
  readonly name: string;
  readonly version: string;
  readonly appVersion: string;
}

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

/** What a list asks for. */
export interface ListQuery {
  readonly cluster: string;
  /** Empty: all namespaces. */
  readonly namespace: string;
  /** Kubernetes label selector; empty: all. */
  readonly labelSelector: string;
  /** Helm's status words; empty: all. */
  readonly status: readonly string[];
  /** Part of the release's or chart's name; empty: all. */
  readonly filter: string;
  /** 1 to 500. */
  readonly pageSize: number;
  readonly pageToken: string;
  /** Waits up to 2 s for this resourceVersion; empty: no wait. */
  readonly minResourceVersion: string;
}

/** A page of releases, sorted by namespace and name. */
export interface ReleasePage {
  readonly releases: readonly Release[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  readonly totalSize: number;
}

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
}

/** A revision with the live state of its objects. */
export interface LiveRelease {
  readonly release: Release;
  readonly ready: boolean;
  readonly objects: readonly ObjectStatus[];
}

/** Reads what Helm has stored; the engine does it. A revision of 0 means the newest. */
export interface ReleaseReader {
  content(principal: Principal, target: ReleaseTarget, revision: number): Promise<RevisionContent>;
  history(principal: Principal, target: ReleaseTarget, max: number): Promise<readonly Release[]>;
  status(principal: Principal, target: ReleaseTarget, revision: number): Promise<LiveRelease>;
}

/**
 * Releases as a caller may see them. A revision of 0 means the newest. Errors:
 * CLUSTER_NOT_FOUND, RELEASE_NOT_FOUND, REVISION_NOT_FOUND, FORBIDDEN,
 * CLUSTER_UNREACHABLE, NOT_READY.
 */
export interface ReleaseView {
  list(principal: Principal, query: ListQuery): Promise<ReleasePage>;
  get(principal: Principal, target: ReleaseTarget, revision: number): Promise<Release>;
  /** Newest first, at most `max`. */
  history(principal: Principal, target: ReleaseTarget, max: number): Promise<readonly Release[]>;
  content(principal: Principal, target: ReleaseTarget, revision: number): Promise<RevisionContent>;
  status(principal: Principal, target: ReleaseTarget, revision: number): Promise<LiveRelease>;
  /** `from` 0: the one before `to`. */
  diff(principal: Principal, target: ReleaseTarget, from: number, to: number): Promise<RevisionDiff>;
}
