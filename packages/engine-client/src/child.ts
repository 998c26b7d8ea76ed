import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";

import { BerthError } from "@berth/base";
import type { Logger } from "@berth/base";

/** How long a process may take until it listens, in milliseconds. */
const START_LIMIT = 20_000;

/** What one process of the engine is started with. */
export interface ChildOptions {
  readonly binary: string;
  readonly socket: string;
  readonly allowLocalCharts: boolean;
  /** How long one rendering may take, in milliseconds; the engine's own limit where absent. */
  readonly renderTimeoutMs?: number | undefined;
  /** Digests of charts it refuses. */
  readonly refused: ReadonlySet<string>;
  readonly environment: Readonly<Record<string, string>>;
  readonly log: Logger;
  /** The engine could not end the rendering of a chart with this digest, and dies of it. */
  onOverrun(digest: string): void;
}

/** One process of the engine. */
export interface Child {
  readonly pid: number;
  /** Resolves once it listens; UNAVAILABLE where it ends before or takes longer than 20 s. */
  readonly ready: Promise<void>;
  /** How it ended, such as `SIGKILL` or `exit code 86`, once all it said was read. Never rejects. */
  readonly ended: Promise<string>;
  /** Tells it to settle what runs and to end. */
  end(): void;
  /** Ends it at once. */
  kill(): void;
}

/** Starts one process of the engine. It ends when its standard input does, so also when we die. */
export function startChild(options: ChildOptions): Child {
  const { log } = options;
  const child = spawn(options.binary, flagsOf(options), {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...options.environment, TMPDIR: tmpdir() },
  });
  const ended = Promise.withResolvers<string>();
  const listening = Promise.withResolvers<void>();
  child.on("error", (error) => {
    log.error({ error }, "the engine cannot be started or reached");
    if (child.pid === undefined) ended.resolve("not started");
  });
  // Not "exit": what it said last has been read by now.
  child.on("close", (code, signal) => ended.resolve(signal ?? `exit code ${String(code)}`));
  child.stdin.on("error", () => undefined);
  createInterface({ input: child.stderr }).on("line", (line) => log.info({ line }, "engine"));
  createInterface({ input: child.stdout }).on("line", (line) => {
    const said = parseLine(line);
    if (said.ready === true) listening.resolve();
    if (typeof said.renderOverrun === "string") options.onOverrun(said.renderOverrun);
  });
  return {
    pid: child.pid ?? 0,
    ready: untilReady(listening.promise, ended.promise),
    ended: ended.promise,
    end: () => void child.stdin.end(),
    kill: () => void child.kill("SIGKILL"),
  };
}

function flagsOf({ socket, allowLocalCharts, renderTimeoutMs, refused }: ChildOptions): string[] {
  return [
    ...["--socket", socket],
    ...(allowLocalCharts ? ["--allow-local-charts"] : []),
    ...(renderTimeoutMs === undefined ? [] : ["--render-timeout", `${renderTimeoutMs}ms`]),
    ...[...refused].flatMap((digest) => ["--refuse-chart", digest]),
  ];
}

function untilReady(listening: Promise<void>, ended: Promise<string>): Promise<void> {
  const ready = new Promise<void>((resolve, reject) => {
    const limit = setTimeout(() => reject(new BerthError("UNAVAILABLE", "The engine does not listen.")), START_LIMIT);
    const settle = (act: () => void) => {
      clearTimeout(limit);
      act();
    };
    void listening.then(() => settle(resolve));
    void ended.then((how) => {
      const hint = "Its last log lines say why; check the path of its binary.";
      settle(() => reject(new BerthError("UNAVAILABLE", `The engine ended before it listened: ${how}.`, { hint })));
    });
  });
  // Whoever stops the engine meanwhile does not ask.
  ready.catch(() => undefined);
  return ready;
}

function parseLine(line: string): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(line);
    return typeof said === "object" && said !== null ? (said as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
