import type { Principal } from "../access/index.ts";

/** What is said of a cluster. */
export interface ClusterSettings {
  /** https URL; empty where a kubeconfig says it. */
  readonly server: string;
  /** Of the kubeconfig; empty: its current one. */
  readonly context: string;
  readonly inCluster: boolean;
  readonly proxyUrl: string;
  readonly tlsServerName: string;
  readonly insecureSkipTlsVerify: boolean;
  /** Empty: all. */
  readonly watchNamespaces: readonly string[];
}

/** How a cluster is reached and as whom; PEM texts. Never answered, never logged. */
export interface ClusterCredentials {
  /** Instead of all others. */
  readonly kubeconfig?: string | undefined;
  readonly token?: string | undefined;
  readonly certificateAuthority?: string | undefined;
  readonly clientCertificate?: string | undefined;
  readonly clientKey?: string | undefined;
}

/** How this replica sees a cluster. */
export interface ClusterFacts {
  readonly state: "unknown" | "ready" | "failed";
  /** `Reached`, or an error's code. */
  readonly reason: string;
  readonly message: string;
  readonly version: string;
  readonly latencyMs: number | undefined;
  readonly lastContact: Date | undefined;
  readonly lastError: string;
  readonly capabilities: readonly string[];
  /** Of its namespace kube-system, which is the same by whatever name and way; empty where that is not known. */
  readonly uid: string;
}

/** A cluster as it is stored, and how this replica sees it. */
export interface DeclaredCluster extends ClusterSettings {
  readonly name: string;
  readonly isHome: boolean;
  readonly secretName: string;
  readonly generation: number;
  readonly resourceVersion: string;
  readonly createTime: Date | undefined;
  readonly facts: ClusterFacts;
  /** Other names that mean the same cluster: its releases are listed under each. */
  readonly sameAs: readonly string[];
  readonly releases: number;
}

/** Make a cluster known. */
export interface CreateCluster {
  readonly verb: "create";
  readonly name: string;
  readonly settings: ClusterSettings;
  readonly credentials?: ClusterCredentials | undefined;
  /** A Secret that is there already; empty with credentials. */
  readonly secretName: string;
  readonly dryRun: boolean;
}

/** Replace what is said of a cluster. */
export interface UpdateCluster {
  readonly verb: "update";
  readonly name: string;
  readonly settings: ClusterSettings;
  /** Stay as they are where neither they nor a Secret are given. */
  readonly credentials?: ClusterCredentials | undefined;
  readonly secretName: string;
  /** Refused with GENERATION_STALE where it has another. */
  readonly expectedGeneration?: number | undefined;
  readonly dryRun: boolean;
}

/** Forget a cluster. */
export interface DeleteCluster {
  readonly verb: "delete";
  readonly name: string;
  readonly expectedGeneration?: number | undefined;
  readonly dryRun: boolean;
}

/** Make on a cluster what Berth needs there, and make it known by what was made. */
export interface BootstrapCluster {
  readonly verb: "bootstrap";
  readonly name: string;
  readonly settings: ClusterSettings;
  /** Of somebody who may do so; used for this alone. */
  readonly credentials: ClusterCredentials;
  /** ClusterRole that charts are deployed with; empty: none is bound. */
  readonly deployRole: string;
  readonly dryRun: boolean;
}

/** What a caller wants of a cluster. */
export type ClusterCommand = CreateCluster | UpdateCluster | DeleteCluster;

/** Clusters as a caller may see them. */
export interface ClusterView {
  /** CLUSTER_NOT_FOUND where there is none. */
  get(principal: Principal, name: string): Promise<DeclaredCluster>;
  /** The home first, the others by name. NOT_READY before they are known. */
  list(principal: Principal): Promise<readonly DeclaredCluster[]>;
}
