import type { Principal } from "../access/index.ts";
import type { StaleCluster } from "../clusters/index.ts";
import type { AskOptions } from "../command.ts";
import type { DriverName, LabelSelector, Protocol } from "./resource.ts";

/** Names an exposure. All three are valid names: the edges check them. */
export interface ExposureName {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

/** What is asked of an exposure. */
export interface ExposureSettings {
  readonly service: string;
  /** Number or name of the Service's port. */
  readonly servicePort: string;
  /** tcp before udp, at least one. */
  readonly protocols: readonly Protocol[];
  readonly pool: string;
  /** Name, IP address or host name of an address of the pool; any where absent. */
  readonly address?: string | undefined;
  /** Any where absent. */
  readonly port?: number | undefined;
  /** Id of a reservation. */
  readonly reservation?: string | undefined;
  readonly release?: string | undefined;
  readonly deleteWithRelease?: boolean | undefined;
}

/** `failed` may pass: `reason` says what it needs. */
export type ExposureState = "pending" | "ready" | "failed" | "deleting";

/** An exposure as it is. */
export interface Exposure extends ExposureName {
  readonly settings: ExposureSettings;
  readonly state: ExposureState;
  /** Ready, Pending, or an error's code. */
  readonly reason: string;
  readonly message: string;
  /** Name of the Address; empty before it has a port. */
  readonly slot: string;
  /** IP address or host name; empty where that is not known. */
  readonly address: string;
  /** 0 before it has one. */
  readonly port: number;
  readonly simulated: boolean;
  /** Helm release of the service, or the one it was made for; empty for none. */
  readonly release: string;
  readonly generation: number;
  readonly resourceVersion: string;
  readonly createTime: Date | undefined;
}

/** A port that is held for somebody without a service. */
export interface Reservation {
  readonly id: string;
  readonly pool: string;
  readonly slot: string;
  readonly address: string;
  readonly port: number;
  readonly protocols: readonly Protocol[];
  readonly expireTime: Date;
  /** Helm release of what carries the address; empty where that is not known. */
  readonly release: string;
}

/** What is asked of a pool. */
export interface PoolSettings {
  readonly driver: DriverName;
  readonly from: number;
  readonly to: number;
  readonly reserved?: number | undefined;
  readonly restSeconds: number;
  readonly simulated: boolean;
  readonly allAllowed: boolean;
  readonly allowedNamespaces: readonly string[];
  readonly allowedSelector?: LabelSelector | undefined;
}

/** Claims of an address, by who has them. */
export interface Use {
  readonly exposed: number;
  readonly reserved: number;
  readonly strange: number;
  readonly resting: number;
}

/** An address as it is. */
export interface PoolAddress extends AddressSettings {
  readonly pool: string;
  readonly name: string;
  /** IP address or host name that callers are told; empty where that is not known. */
  readonly reachedAt: string;
  readonly isReady: boolean;
  readonly reason: string;
  readonly message: string;
  readonly use: Use;
}

/** What is asked of an address. */
export interface AddressSettings {
  readonly address?: string | undefined;
  readonly capacity?: number | undefined;
  readonly release?: string | undefined;
  readonly configmap?:
    { readonly namespace: string; readonly tcp: string; readonly udp?: string; readonly service?: string } | undefined;
  readonly gateway?: { readonly namespace: string; readonly name: string } | undefined;
  readonly nodeport?: boolean | undefined;
}

/** A pool as it is. */
export interface Pool {
  readonly cluster: string;
  readonly name: string;
  readonly settings: PoolSettings;
  readonly addresses: readonly PoolAddress[];
  readonly isReady: boolean;
  readonly reason: string;
  readonly message: string;
  readonly resourceVersion: string;
}

/** Names a pool of a cluster. */
export interface PoolName {
  readonly cluster: string;
  readonly name: string;
}

/** Make an exposure. An empty name is made of the service's and its port. */
export interface CreateExposure {
  readonly verb: "create";
  readonly target: ExposureName;
  readonly settings: ExposureSettings;
  readonly dryRun: boolean;
  /** How long to wait until it is ready or why not is known, in milliseconds. */
  readonly waitMs?: number | undefined;
}

/** Remove an exposure. */
export interface DeleteExposure {
  readonly verb: "delete";
  readonly target: ExposureName;
  readonly dryRun: boolean;
}

/** Hold a port. */
export interface ReservePort {
  readonly cluster: string;
  readonly namespace: string;
  readonly pool: string;
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  readonly protocols: readonly Protocol[];
  readonly ttlMs: number;
}

/** Which exposures; what is empty matches all. */
export interface ExposureQuery {
  readonly cluster: string;
  readonly namespace: string;
  readonly pool: string;
  /** Name of an Address. */
  readonly slot: string;
  readonly service: string;
  readonly release: string;
}

/** Page of exposures, sorted by cluster, namespace and name. */
export interface ExposurePage {
  readonly exposures: readonly Exposure[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
  readonly totalSize: number;
  /** Clusters whose exposures are missing, or are known from before. */
  readonly staleClusters: readonly StaleCluster[];
}

/** Pools, sorted by cluster and name. */
export interface PoolPage {
  readonly pools: readonly Pool[];
  /** Clusters whose pools are missing, or are known from before. */
  readonly staleClusters: readonly StaleCluster[];
}

/** One piece of news: what is there, what came, what changed, what has gone; `synced` once all that is there was told. */
export type News<T> =
  { readonly kind: "added" | "modified" | "deleted"; readonly object: T } | { readonly kind: "synced" };

/** Exposures as a caller may see them. */
export interface ExposureView {
  /** EXPOSURE_NOT_FOUND where there is none. */
  get(principal: Principal, target: ExposureName, options?: AskOptions): Promise<Exposure>;
  /** NOT_READY before the first list is complete. */
  list(
    principal: Principal,
    query: ExposureQuery,
    page: { readonly size: number; readonly token: string },
  ): Promise<ExposurePage>;
  /** Tells those there are, then what happens to them, the newest state of each. */
  watch(principal: Principal, query: ExposureQuery, signal: AbortSignal): AsyncIterable<News<Exposure>>;
}

/** Pools as a caller may see them. */
export interface PoolView {
  /** POOL_NOT_FOUND where there is none. */
  get(principal: Principal, target: PoolName, options?: AskOptions): Promise<Pool>;
  list(principal: Principal, cluster: string): Promise<PoolPage>;
  watch(principal: Principal, cluster: string, signal: AbortSignal): AsyncIterable<News<Pool>>;
}
