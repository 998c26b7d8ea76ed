import type { Principal } from "../access/index.ts";
import type { AskOptions } from "../command.ts";

/** Names a chart source. Both are valid names: the edges check them. */
export interface SourceName {
  readonly namespace: string;
  readonly name: string;
}

/** What is asked of a source. */
export interface SourceSettings {
  /** http or https URL of a repository, or oci://registry/path; without user, query and fragment. */
  readonly url: string;
  readonly refreshIntervalMs: number;
  readonly insecureSkipTlsVerify: boolean;
  readonly passCredentials: boolean;
  readonly plainHttp: boolean;
  readonly suspend: boolean;
}

/** What a source is shown; PEM texts. Never answered, never logged. */
export interface SourceCredentials {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly bearerToken?: string | undefined;
  readonly certificateAuthority?: string | undefined;
  readonly clientCertificate?: string | undefined;
  readonly clientKey?: string | undefined;
}

/** Where a source is: not asked yet, or how it went when it was asked last. */
export type SourceState = "unknown" | "ready" | "failed" | "suspended";

/** What was found when a source was last asked. */
export interface SourceStatus {
  /** 0 before the first time. */
  readonly observedGeneration: number;
  readonly state: SourceState;
  /** `Refreshed`, `Suspended`, or an error's code. */
  readonly reason: string;
  readonly message: string;
  readonly lastRefreshTime: Date | undefined;
  /** Absent for a registry, which has no index. */
  readonly charts: number | undefined;
  /** "sha256:…"; empty for a registry. */
  readonly digest: string;
}

/** A chart source as it is stored. */
export interface ChartSource extends SourceName, SourceSettings {
  /** Secret with its credentials; empty where it has none. */
  readonly secretName: string;
  readonly generation: number;
  readonly resourceVersion: string;
  readonly createTime: Date | undefined;
  readonly status: SourceStatus;
}

/** Make a source. */
export interface CreateSource {
  readonly verb: "create";
  readonly target: SourceName;
  readonly settings: SourceSettings;
  readonly credentials?: SourceCredentials | undefined;
  readonly dryRun: boolean;
}

/** Replace what is asked of a source. */
export interface UpdateSource {
  readonly verb: "update";
  readonly target: SourceName;
  readonly settings: SourceSettings;
  /** Stay as they are where absent. */
  readonly credentials?: SourceCredentials | undefined;
  readonly clearCredentials: boolean;
  /** Refused with GENERATION_STALE where it has another. */
  readonly expectedGeneration?: number | undefined;
  readonly dryRun: boolean;
}

/** Remove a source and what Berth has stored for it. */
export interface DeleteSource {
  readonly verb: "delete";
  readonly target: SourceName;
  /** Refused with GENERATION_STALE where it has another. */
  readonly expectedGeneration?: number | undefined;
  readonly dryRun: boolean;
}

/** Ask a source now. */
export interface RefreshSource {
  readonly verb: "refresh";
  readonly target: SourceName;
}

/** What a caller wants of a source. */
export type SourceCommand = CreateSource | UpdateSource | DeleteSource | RefreshSource;

/** Page of a list, sorted by namespace and name. */
export interface SourcePage {
  readonly sources: readonly ChartSource[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  readonly totalSize: number;
}

/** Sources as a caller may see them. */
export interface SourceView {
  /** CHART_SOURCE_NOT_FOUND where there is none. */
  get(principal: Principal, target: SourceName, options?: AskOptions): Promise<ChartSource>;
  /** An empty namespace means all. NOT_READY before the first list is complete. */
  list(
    principal: Principal,
    query: { readonly namespace: string; readonly pageSize: number; readonly pageToken: string },
  ): Promise<SourcePage>;
}

/** What asking a source found. */
export interface Refreshed {
  /** Absent for a registry. */
  readonly charts: number | undefined;
  /** Empty for a registry. */
  readonly digest: string;
}
