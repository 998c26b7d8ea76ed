import type { BerthError } from "@berth/base";

import type { Principal } from "../access/index.ts";
import type { ChartReference, SourceAccess } from "../command.ts";

/** A part of a list. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** How many there are in all. */
  readonly total: number;
}

/** Where a page begins, and how many it has at most. */
export interface PageRange {
  readonly offset: number;
  readonly limit: number;
}

/** One version of a chart; of a registry only the version is known. */
export interface ChartVersion {
  readonly version: string;
  readonly appVersion: string;
  readonly created: Date | undefined;
  readonly deprecated: boolean;
  readonly digest: string;
  readonly kubeVersion: string;
}

/** A chart of a repository, by the newest of its versions that fits. */
export interface ChartEntry {
  readonly name: string;
  readonly description: string;
  readonly keywords: readonly string[];
  readonly home: string;
  readonly icon: string;
  readonly newest: ChartVersion | undefined;
  readonly versions: number;
  /** Its name in the configuration; empty where the URL was given. */
  readonly repository: string;
}

/** What a search has found, and which repositories are not in it. */
export interface FoundCharts extends Page<ChartEntry> {
  readonly unsearched: readonly UnsearchedRepository[];
}

/** A repository of the configuration that could not be searched. */
export interface UnsearchedRepository {
  readonly repository: string;
  readonly error: BerthError;
}

/** What is in a chart. */
export interface ShownChart {
  readonly digest: string;
  /** Chart.yaml as JSON text. */
  readonly metadataJson: string;
  readonly readme: string;
  readonly valuesYaml: string;
  readonly schemaJson: string;
  readonly files: readonly { readonly name: string; readonly size: bigint }[];
  readonly crds: readonly string[];
  readonly content: Uint8Array;
  /** Name and fingerprint of the key; empty where it was not verified. */
  readonly signedBy: string;
}

/** What to look for in repositories. */
export interface ChartQuery extends PageRange {
  /** URL, or name in the configuration; empty means all of the configuration. */
  readonly repository: string;
  readonly query: string;
  readonly version: string;
  readonly includeDeprecated: boolean;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly access?: SourceAccess | undefined;
  readonly refresh: boolean;
}

/** Reads charts and repositories. */
export interface ChartReader {
  search(principal: Principal, query: ChartQuery): Promise<FoundCharts>;
  versions(principal: Principal, chart: ChartReference, version: string, range: PageRange): Promise<Page<ChartVersion>>;
  show(principal: Principal, chart: ChartReference, file: string): Promise<ShownChart>;
}
