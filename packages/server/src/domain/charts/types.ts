import type { BerthError } from "@berth/base";

import type { Principal } from "../access/index.ts";
import type { AskOptions, ChartReference, SourceAccess } from "../command.ts";

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
  /** Name of its ChartSource or in the configuration; empty where the URL was given. */
  readonly repository: string;
}

/** What a search has found, and which repositories are not in it. */
export interface FoundCharts extends Page<ChartEntry> {
  readonly unsearched: readonly UnsearchedRepository[];
}

/** A ChartSource, or a repository of the configuration, that could not be searched. */
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

/** What to look for, and where. */
export interface ChartQuery extends PageRange {
  /** Namespace of the ChartSources; empty where none is meant. */
  readonly namespace: string;
  /** URL, or name of a ChartSource or in the configuration; empty: `source`, or all that have a name. */
  readonly repository: string;
  /** Name of a ChartSource; empty: none in particular. */
  readonly source: string;
  readonly query: string;
  readonly version: string;
  readonly includeDeprecated: boolean;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly access?: SourceAccess | undefined;
  readonly refresh: boolean;
}

/** A chart, and the namespace whose ChartSources its name may mean; empty for none. */
export interface ChartQuestion {
  readonly namespace: string;
  readonly chart: ChartReference;
}

/** Reads charts and repositories. */
export interface ChartReader {
  search(principal: Principal, query: ChartQuery, options?: AskOptions): Promise<FoundCharts>;
  versions(
    principal: Principal,
    question: ChartQuestion,
    version: string,
    range: PageRange,
    options?: AskOptions,
  ): Promise<Page<ChartVersion>>;
  show(principal: Principal, question: ChartQuestion, file: string, options?: AskOptions): Promise<ShownChart>;
}
