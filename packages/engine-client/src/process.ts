import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { BerthError, backoff } from "@berth/base";
import type { Clock, Logger } from "@berth/base";

import type { EngineState } from "./types.ts";

/** How long a process may take until it listens, in milliseconds. */
const START_LIMIT = 20_000;
/** How long it may take to settle and end once told to. */
const STOP_LIMIT = 15_000;
const RESTART = { initial: 100, max: 5_000 };
/** A process that lived this long restarts without delay. */
const STABLE = 60_000;

/** How the engine is started. */
export interface EngineProcessOptions {
  /** Path of the binary. */
  readonly binary: string;
  readonly allowLocalCharts: boolean;
  /** Its whole environment: nothing else of the gateway's reaches it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly log: Logger;
  readonly clock: Clock;
}

/** The engine's process: started, watched and started again until it is stopped. */
export interface EngineProcess {
  readonly socket: string;
  state(): EngineState;
  refusedCharts(): ReadonlySet<string>;
  stop(): Promise<void>;
}

/** Starts the engine and resolves once it listens. */
export async function startEngineProcess(options: EngineProcessOptions): Promise<EngineProcess> {
  // Owner-only: whoever reaches the socket may act with each call's credentials.
  const directory = await mkdtemp(join(tmpdir(), "berth-engine-"));
  const socket = join(directory, "engine.sock");
  const refused = new Set<string>();
  const stopping = new AbortController();
  let state: EngineState = { name: "starting" };
  let child = launch(options, socket);
  try {
    await ready(child, refused);
  } catch (error) {
    child.kill("SIGKILL");
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  state = { name: "ready", pid: child.pid ?? 0 };

  const watch = async (): Promise<void> => {
    for (let attempt = 0; ; attempt++) {
      const born = options.clock.monotonic();
      const ended = await ending(child);
      if (stopping.signal.aborted) return;
      options.log.error({ ended }, "the engine ended; it is started again");
      state = { name: "restarting", ended };
      if (options.clock.monotonic() - born > STABLE) attempt = 0;
      await options.clock.sleep(attempt === 0 ? 0 : backoff(attempt, RESTART), stopping.signal);
      child = launch(options, socket);
      // Both are awaited: a process that ends before it listens is started again.
      const isReady = await ready(child, refused).then(
        () => true,
        () => false,
      );
      if (isReady) state = { name: "ready", pid: child.pid ?? 0 };
      else child.kill("SIGKILL");
    }
  };
  const watching = watch().catch(() => undefined);

  return {
    socket,
    state: () => state,
    refusedCharts: () => refused,
    async stop() {
      stopping.abort(new BerthError("UNAVAILABLE", "The engine is stopped."));
      const limit = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT);
      child.stdin?.end();
      await ending(child);
      await watching;
      clearTimeout(limit);
      state = { name: "stopped" };
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function launch({ binary, allowLocalCharts, environment, log }: EngineProcessOptions, socket: string): ChildProcess {
  const flags = ["--socket", socket, ...(allowLocalCharts ? ["--allow-local-charts"] : [])];
  const child = spawn(binary, flags, { stdio: ["pipe", "pipe", "pipe"], env: { ...environment, TMPDIR: tmpdir() } });
  child.on("error", (error) => log.error({ error }, "the engine cannot be started"));
  child.stdin?.on("error", () => undefined);
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on("line", (line) => log.info({ line }, "engine"));
  }
  return child;
}

async function ready(child: ChildProcess, refused: Set<string>): Promise<void> {
  const listening = Promise.withResolvers<void>();
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const said = parseLine(line);
      if (said.ready === true) listening.resolve();
      if (typeof said.renderOverrun === "string") refused.add(said.renderOverrun);
    });
  }
  const limit = setTimeout(() => {
    listening.reject(new BerthError("UNAVAILABLE", "The engine does not listen."));
  }, START_LIMIT);
  const dead = ending(child).then((ended) => {
    throw new BerthError("UNAVAILABLE", `The engine ended before it listened: ${ended}.`, {
      hint: "Its last log lines say why; check the path of its binary.",
    });
  });
  try {
    await Promise.race([listening.promise, dead]);
  } finally {
    clearTimeout(limit);
    dead.catch(() => undefined);
  }
}

function parseLine(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}

async function ending(child: ChildProcess): Promise<string> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    await once(child, "exit").catch(() => undefined);
  }
  if (child.pid === undefined) return "not started";
  return child.signalCode ?? `exit code ${String(child.exitCode)}`;
}
