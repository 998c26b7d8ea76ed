import type { Watch } from "./domain/clusters/index.ts";
import type { Exposure, Pool } from "./domain/exposures/index.ts";
import type { Operation } from "./domain/operations/index.ts";

/** What Berth knows of itself, for its metrics. */
export interface Facts {
  /** Hears of each operation that ends on this replica. */
  onEnded(listener: (operation: Operation) => void): void;
  engine(): { readonly state: string; readonly restarts: number; readonly refusedCharts: number };
  /** Operations of all replicas that have not ended. */
  operations(): { readonly queued: number; readonly running: number };
  watches(): readonly Watch[];
  /** Watches that are open for those who look at what runs. */
  liveWatches(): number;
  pools(): readonly Pool[];
  exposures(): readonly Exposure[];
  /** Releases of each cluster of which they are known. */
  releases(): readonly { readonly cluster: string; readonly count: number }[];
  /** Whether each cluster answered when it was last asked. */
  clusters(): readonly { readonly cluster: string; readonly isUp: boolean }[];
}
