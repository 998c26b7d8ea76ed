import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { logTail } from "../cluster/log-tail.ts";
import type { Order, ProgramExit, ProgramSpec, Report } from "./protocol.ts";

/** A running supervisor. */
export interface Supervisor {
  readonly pid: number;
  /** Starts a program; gives its process number once it runs. */
  start(program: ProgramSpec): Promise<number>;
  /** Ends a program by a signal, and by SIGKILL where that is not heard. Nothing where it does not run. */
  stop(name: string, signal?: NodeJS.Signals): Promise<void>;
  /** Resolves if it ends though nobody closed it, with why. */
  readonly lost: Promise<Error>;
  /** Ends every program and the supervisor. */
  close(): Promise<void>;
}

type Work<O> = O extends unknown ? Omit<O, "id"> : never;

interface Waiting {
  resolve(pid: number): void;
  reject(error: Error): void;
}

/** A command that runs a supervisor, its standard input and output being the supervisor's. */
export interface SupervisorCommand {
  readonly file: string;
  readonly args: readonly string[];
}

/**
 * Starts a supervisor for a data directory: on this machine, or by another command. It and its programs end when this
 * process does.
 */
export function startSupervisor(
  directory: string,
  onExit: (exit: ProgramExit) => void,
  command: SupervisorCommand = here(directory),
): Supervisor {
  const log = join(directory, "supervisor.log");
  const errors = openSync(log, "w", 0o600);
  // Detached: Ctrl-C in a terminal reaches this process alone, which then stops things in order.
  const child = spawn(command.file, command.args, {
    stdio: ["pipe", "pipe", errors],
    detached: true,
  });
  closeSync(errors);
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error("The supervisor has no pipes.");
  const waiting = new Map<number, Waiting>();
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const fail = (why: string) => {
    for (const { reject } of waiting.values()) reject(new Error(why));
    waiting.clear();
  };
  const lost = Promise.withResolvers<Error>();
  let isClosing = false;
  child.once("exit", (code, signal) => {
    void logTail(log).then((words) => {
      const why = `The supervisor ended (${signal ?? code}). ${words}`.trimEnd();
      fail(why);
      if (!isClosing) lost.resolve(new Error(why));
    });
  });
  child.once("error", (error) => fail(error.message));
  stdin.on("error", () => undefined);
  createInterface(stdout).on("line", (line) => {
    const report = JSON.parse(line) as Report;
    if (report.kind === "exited") return onExit(report.exit);
    const order = waiting.get(report.id);
    waiting.delete(report.id);
    if (report.kind === "done") order?.resolve(report.pid ?? 0);
    else order?.reject(new Error(report.message));
  });
  let last = 0;
  const order = (work: Work<Order>): Promise<number> => {
    const id = ++last;
    return new Promise((resolve, reject) => {
      if (child.exitCode !== null || child.signalCode !== null) return reject(new Error("The supervisor has ended."));
      waiting.set(id, { resolve, reject });
      stdin.write(`${JSON.stringify({ id, ...work })}\n`);
    });
  };
  return {
    pid: child.pid ?? 0,
    start: (program) => order({ verb: "start", program }),
    stop: async (name, signal = "SIGTERM") => void (await order({ verb: "stop", name, signal })),
    lost: lost.promise,
    async close() {
      isClosing = true;
      stdin.end();
      await ended;
    },
  };
}

function here(directory: string): SupervisorCommand {
  return { file: process.execPath, args: [join(import.meta.dirname, "main.ts"), directory] };
}
