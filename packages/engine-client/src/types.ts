import type { MessageInitShape } from "@bufbuild/protobuf";

import type { engine } from "@berth/contract";

/** Where the engine's process is. `ended` is how its last process ended. */
export type EngineState =
  | { readonly name: "starting" }
  | { readonly name: "ready"; readonly pid: number }
  | { readonly name: "restarting"; readonly ended: string }
  | { readonly name: "stopped" };

/** How a running action is followed and cancelled. */
export interface RunOptions {
  /** Aborting it cancels the action; its result is awaited all the same. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: engine.ActionEvent) => void) | undefined;
}

/** How whoever asks ends a call that only reads: it rejects with the signal's reason, and the engine stops its work. */
export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
}

type Run<Request> = (request: Request, options?: RunOptions) => Promise<engine.ActionResult>;

type Read<Request, Response> = (request: Request, options?: ReadOptions) => Promise<Response>;

/**
 * The engine. Actions resolve with their result, also where they failed; they
 * reject with ENGINE_LOST where the engine died meanwhile, and with UNAVAILABLE
 * where it could not be reached, so that nothing was begun.
 */
export interface Engine {
  readonly install: Run<MessageInitShape<typeof engine.InstallRequestSchema>>;
  readonly upgrade: Run<MessageInitShape<typeof engine.UpgradeRequestSchema>>;
  readonly rollback: Run<MessageInitShape<typeof engine.RollbackRequestSchema>>;
  readonly uninstall: Run<MessageInitShape<typeof engine.UninstallRequestSchema>>;
  readonly test: Run<MessageInitShape<typeof engine.TestRequestSchema>>;
  settle(request: MessageInitShape<typeof engine.SettleRequestSchema>): Promise<engine.SettleResponse>;
  readonly render: Read<MessageInitShape<typeof engine.RenderRequestSchema>, engine.RenderResponse>;
  readonly plan: Read<MessageInitShape<typeof engine.PlanRequestSchema>, engine.PlanResponse>;
  readonly searchCharts: Read<MessageInitShape<typeof engine.SearchChartsRequestSchema>, engine.SearchChartsResponse>;
  refreshSource(
    request: MessageInitShape<typeof engine.RefreshSourceRequestSchema>,
  ): Promise<engine.RefreshSourceResponse>;
  readonly listVersions: Read<MessageInitShape<typeof engine.ListVersionsRequestSchema>, engine.ListVersionsResponse>;
  readonly showChart: Read<MessageInitShape<typeof engine.ShowChartRequestSchema>, engine.ShowChartResponse>;
  readonly get: Read<MessageInitShape<typeof engine.GetRequestSchema>, engine.GetResponse>;
  readonly history: Read<MessageInitShape<typeof engine.HistoryRequestSchema>, engine.HistoryResponse>;
  readonly status: Read<MessageInitShape<typeof engine.StatusRequestSchema>, engine.StatusResponse>;
  readonly check: Read<MessageInitShape<typeof engine.CheckRequestSchema>, engine.CheckResponse>;
  extend(operationId: string, holdMs: number): Promise<boolean>;
  state(): EngineState;
  /** How often its process was started again. */
  restarts(): number;
  /** Digests of charts whose rendering the engine could not end. */
  refusedCharts(): ReadonlySet<string>;
  /** Lets running actions settle (10 s), ends the process and removes its directory. */
  stop(): Promise<void>;
}

/** Where the engine may fetch from; see berth.engine.v1.EgressPolicy. */
export interface EgressPolicy {
  readonly allowLoopback: boolean;
  readonly allowLinkLocal: boolean;
  readonly allowedHosts: string[];
  readonly allowedCidrs: string[];
}
