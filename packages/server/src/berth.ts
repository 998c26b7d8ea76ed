import type { Logger } from "@berth/base";

import type { Facts } from "./facts.ts";
import type { Principal } from "./domain/access/index.ts";
import type { SourceSubmit, SourceView } from "./domain/chart-sources/index.ts";
import type { ChartReader } from "./domain/charts/index.ts";
import type { ClusterSubmit, ClusterView, DeclaredCluster } from "./domain/declared-clusters/index.ts";
import type { ExposureSubmit, ExposureView, PoolView } from "./domain/exposures/index.ts";
import type { LiveView } from "./domain/live/index.ts";
import type { OperationView, Retry, Submit } from "./domain/operations/index.ts";
import type { OutdatedLister, ReleasePlanner, ReleaseView } from "./domain/releases/index.ts";

/** One part of the health answer: `ok`, or why not. */
export interface HealthCheck {
  readonly name: string;
  check(): { readonly ok: boolean; readonly reason: string };
}

/** The application without its edges: what they may call. */
export interface Berth {
  readonly submit: Submit;
  readonly operations: OperationView;
  readonly retry: Retry;
  readonly releases: ReleaseView;
  readonly live: LiveView;
  readonly outdated: OutdatedLister;
  readonly planner: ReleasePlanner;
  readonly charts: ChartReader;
  readonly chartSources: { readonly submit: SourceSubmit; readonly view: SourceView };
  readonly clusters: {
    readonly submit: (...wish: Parameters<ClusterSubmit["write"]>) => Promise<DeclaredCluster>;
    readonly bootstrap: (
      ...wish: Parameters<ClusterSubmit["bootstrap"]>
    ) => Promise<{ readonly manifest: string; readonly cluster: DeclaredCluster | undefined }>;
    readonly view: ClusterView;
  };
  readonly exposures: { readonly submit: ExposureSubmit; readonly view: ExposureView; readonly pools: PoolView };
  readonly facts: Facts;
  /** Checks of /readyz. */
  readonly readiness: readonly HealthCheck[];
  readonly log: Logger;
  /** Berth's own, without a `v`. */
  readonly version: string;
  /** Who a request without credentials is: the loopback principal. */
  readonly principal: Principal;
  /** Name of the cluster that dialects without clusters mean. */
  readonly defaultCluster: string;
  /** Pool that dialects without pools mean. */
  readonly defaultPool: string;
  /** Namespace that dialects without namespaces mean. */
  readonly defaultNamespace: string;
}
