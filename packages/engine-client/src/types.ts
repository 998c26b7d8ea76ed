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

type Run<Request> = (request: Request, options?: RunOptions) => Promise<engine.ActionResult>;

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
  render(request: MessageInitShape<typeof engine.RenderRequestSchema>): Promise<engine.RenderResponse>;
  plan(request: MessageInitShape<typeof engine.PlanRequestSchema>): Promise<engine.PlanResponse>;
  searchCharts(
    request: MessageInitShape<typeof engine.SearchChartsRequestSchema>,
  ): Promise<engine.SearchChartsResponse>;
  refreshSource(
    request: MessageInitShape<typeof engine.RefreshSourceRequestSchema>,
  ): Promise<engine.RefreshSourceResponse>;
  listVersions(
    request: MessageInitShape<typeof engine.ListVersionsRequestSchema>,
  ): Promise<engine.ListVersionsResponse>;
  showChart(request: MessageInitShape<typeof engine.ShowChartRequestSchema>): Promise<engine.ShowChartResponse>;
  get(request: MessageInitShape<typeof engine.GetRequestSchema>): Promise<engine.GetResponse>;
  history(request: MessageInitShape<typeof engine.HistoryRequestSchema>): Promise<engine.HistoryResponse>;
  status(request: MessageInitShape<typeof engine.StatusRequestSchema>): Promise<engine.StatusResponse>;
  check(request: MessageInitShape<typeof engine.CheckRequestSchema>): Promise<engine.CheckResponse>;
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
