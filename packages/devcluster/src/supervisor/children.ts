import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, renameSync } from "node:fs";

import { identify, ownIdentity } from "../process/identity.ts";
import type { ProgramExit, ProgramSpec } from "./protocol.ts";
import { writeRecord } from "./record.ts";

/** How long a program may take to end by itself, in milliseconds: kube-apiserver waits for open requests. */
const GRACE = 5_000;

interface Child {
  readonly process: ChildProcess;
  readonly exited: Promise<void>;
  isStopping: boolean;
}

/** Programs that run, recorded in the data directory so that a later start can find them. */
export class Children {
  readonly #directory: string;
  readonly #onExit: (exit: ProgramExit) => void;
  readonly #running = new Map<string, Child>();
  #writing: Promise<void> = Promise.resolve();

  constructor(directory: string, onExit: (exit: ProgramExit) => void) {
    this.#directory = directory;
    this.#onExit = onExit;
  }

  /** Starts a program and gives its process number. */
  async start({ name, file, args, log }: ProgramSpec): Promise<number> {
    if (this.#running.has(name)) throw new Error(`${name} runs already.`);
    if (existsSync(log)) renameSync(log, `${log}.previous`);
    const output = openSync(log, "w", 0o600);
    const process = spawn(file, args, { stdio: ["ignore", output, output], cwd: this.#directory });
    closeSync(output);
    const exited = new Promise<void>((resolve) => process.once("exit", () => resolve()));
    const child: Child = { process, exited, isStopping: false };
    this.#running.set(name, child);
    process.once("exit", (code, signal) => {
      this.#running.delete(name);
      this.#onExit({ name, code, signal, expected: child.isStopping });
    });
    await new Promise<void>((resolve, reject) => {
      process.once("spawn", resolve);
      process.once("error", (error) => {
        this.#running.delete(name);
        reject(error);
      });
    });
    await this.record();
    return process.pid ?? 0;
  }

  /** Ends a program: by the signal, then by SIGKILL. */
  async stop(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = this.#running.get(name);
    if (child === undefined) return;
    child.isStopping = true;
    child.process.kill(signal);
    const timer = setTimeout(() => child.process.kill("SIGKILL"), GRACE);
    await child.exited;
    clearTimeout(timer);
  }

  /** Ends all programs at once. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.stop(name, "SIGTERM")));
  }

  /** Writes down who runs, this process first. One writer at a time, or an older list could win. */
  record(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const pids = [...this.#running.values()].map(({ process }) => identify(process.pid ?? 0));
      await writeRecord(this.#directory, [ownIdentity(), ...pids.filter((identity) => identity !== undefined)]);
    });
    return this.#writing;
  }
}
