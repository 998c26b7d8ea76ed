import type { StaleCluster } from "../clusters/index.ts";
import type { Release } from "./release.ts";

/** Which releases are meant; what is empty or false matches all. */
export interface ReleaseFilter {
  /** `-` means all clusters. */
  readonly cluster: string;
  readonly namespace: string;
  /** Kubernetes label selector. */
  readonly labelSelector: string;
  /** Helm's status words. */
  readonly status: readonly string[];
  /** Part of the release's or chart's name. */
  readonly filter: string;
  /** Name of the chart. */
  readonly chart: string;
  /** Range of the chart's version. */
  readonly chartVersion: string;
  /** Whether only those are wanted that are stuck. */
  readonly stuck: boolean;
}

/** What a list asks for. */
export interface ListQuery extends ReleaseFilter {
  /** A column, and ` desc` for the other direction; empty: by namespace and name. */
  readonly orderBy: string;
  /** 1 to 500. */
  readonly pageSize: number;
  readonly pageToken: string;
  /** Waits up to 2 s for this resourceVersion; empty: no wait. */
  readonly minResourceVersion: string;
  /** Every stored revision, not the newest alone. */
  readonly allRevisions: boolean;
}

/** A page of releases. */
export interface ReleasePage {
  readonly releases: readonly Release[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  readonly totalSize: number;
  /** Clusters whose releases are missing, or are known from before. */
  readonly staleClusters: readonly StaleCluster[];
  /** Releases of the clusters asked whose records are not read yet: filters by chart miss them. */
  readonly pendingSummaries: number;
}

/** News of a watched list. */
export type ReleaseNews =
  | { readonly kind: "added" | "modified" | "deleted"; readonly release: Release; readonly resumeToken: string }
  /** What was there is told. */
  | { readonly kind: "synced"; readonly resumeToken: string }
  /** The token is too old, or of another replica: forget what you have, all there is follows. */
  | { readonly kind: "reset" };
