import { systemClock } from "@berth/base";
import type { Clock, Logger } from "@berth/base";

import { createEngine } from "./client.ts";
import { startEngineProcess } from "./process.ts";
import type { Engine } from "./types.ts";

export type { EgressPolicy, Engine, EngineState, ReadOptions, RunOptions } from "./types.ts";

/** How the engine is started. */
export interface EngineOptions {
  /** Path of the engine's binary. */
  readonly binary: string;
  /** Lets charts come from files of this machine. */
  readonly allowLocalCharts: boolean;
  /** How long one rendering may take, in milliseconds; one minute where absent. */
  readonly renderTimeoutMs?: number;
  /** Its whole environment, such as GOMEMLIMIT and SSL_CERT_FILE; empty where absent. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly log: Logger;
  readonly clock?: Clock;
}

/** Starts the engine; UNAVAILABLE where it does not come up within 20 s. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  return createEngine(await startEngineProcess({ clock: systemClock, environment: {}, ...options }), options.log);
}
