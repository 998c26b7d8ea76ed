import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { BerthError, backoff } from "@berth/base";
import type { Clock, Logger } from "@berth/base";

import { startChild } from "./child.ts";
import type { Child } from "./child.ts";
import type { EngineState } from "./types.ts";

/** How long it may take to settle and end once told to, in milliseconds. */
const STOP_LIMIT = 15_000;
const RESTART = { initial: 100, max: 5_000 };
/** A process that lived this long restarts without delay. */
const STABLE = 60_000;

/** How the engine is started. */
export interface EngineProcessOptions {
  /** Path of the binary. */
  readonly binary: string;
  readonly allowLocalCharts: boolean;
  /** How long one rendering may take, in milliseconds; one minute where absent. */
  readonly renderTimeoutMs?: number | undefined;
  /** Its whole environment: nothing else of the gateway's reaches it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly log: Logger;
  readonly clock: Clock;
}

/** The engine's process: started, watched and started again until it is stopped. */
export interface EngineProcess {
  readonly socket: string;
  state(): EngineState;
  restarts(): number;
  refusedCharts(): ReadonlySet<string>;
  stop(): Promise<void>;
}

/** Starts the engine and resolves once it listens. */
export async function startEngineProcess(options: EngineProcessOptions): Promise<EngineProcess> {
  // Owner-only: whoever reaches the socket may act with each call's credentials.
  const directory = await mkdtemp(join(tmpdir(), "berth-engine-"));
  const socket = join(directory, "engine.sock");
  const refused = new Set<string>();
  const launch = () => startChild({ ...options, socket, refused, onOverrun: (digest) => refused.add(digest) });
  const supervisor = supervise(options, launch);
  try {
    await supervisor.first;
  } catch (error) {
    await supervisor.stop();
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return {
    socket,
    state: supervisor.state,
    restarts: supervisor.restarts,
    refusedCharts: () => refused,
    async stop() {
      await supervisor.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function supervise({ clock, log }: Pick<EngineProcessOptions, "clock" | "log">, launch: () => Child) {
  const stopping = new AbortController();
  const { signal } = stopping;
  let state: EngineState = { name: "starting" };
  let restarts = 0;
  let child = launch();
  const listen = async () => {
    await child.ready;
    if (!signal.aborted) state = { name: "ready", pid: child.pid };
  };
  const watch = async (): Promise<void> => {
    for (let attempt = 0; ; attempt++) {
      const born = clock.monotonic();
      const ended = await child.ended;
      if (signal.aborted) return;
      log.error({ ended }, "the engine ended; it is started again");
      state = { name: "restarting", ended };
      if (clock.monotonic() - born > STABLE) attempt = 0;
      await clock.sleep(attempt === 0 ? 0 : backoff(attempt, RESTART), signal);
      // A stop may come between the sleep's end and here: it would not see the new process.
      if (signal.aborted) return;
      restarts++;
      child = launch();
      await listen().catch(() => child.kill());
    }
  };
  const first = listen();
  // A first process that does not come up is not started again.
  const watching = first.then(watch).catch(() => undefined);
  return {
    first,
    state: () => state,
    restarts: () => restarts,
    async stop(): Promise<void> {
      stopping.abort(new BerthError("UNAVAILABLE", "The engine is stopped."));
      const limit = setTimeout(() => child.kill(), state.name === "starting" ? 0 : STOP_LIMIT);
      child.end();
      await child.ended;
      await watching;
      clearTimeout(limit);
      state = { name: "stopped" };
    },
  };
}
