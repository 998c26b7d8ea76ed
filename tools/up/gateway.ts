import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

import { logTail, repository, SetupError, waitUntil } from "@berth/devcluster";

/** Berth opens its watches before it listens; on a busy machine a start was seen to take seconds. */
const START = 60_000;
/** How often we ask it, in milliseconds: each question stands in its log. */
const ASK = 250;
/** Berth gives open requests ten seconds to end. */
const STOP = 15_000;

/** What Node is told: most of a gateway's memory is garbage that V8 sees no reason to collect. Costs 3 ms of CPU a write. */
export const NODE_FLAGS: readonly string[] = ["--max-semi-space-size=4", "--optimize-for-size"];

/** Where Berth runs and what it runs on. */
export interface GatewayOptions {
  readonly port: number;
  readonly kubeconfig: string;
  readonly context: string;
  readonly engine: string;
  /** File its log goes to. */
  readonly log: string;
}

/** A running gateway process. */
export interface Gateway {
  readonly url: string;
  /** Resolves when the process is gone, with why. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

/** Starts Berth and resolves once it is ready. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { port, log } = options;
  const output = openSync(log, "w", 0o600);
  const child = spawn(process.execPath, [...NODE_FLAGS, join(repository, "packages/server/src/main.ts")], {
    cwd: repository,
    env: environment(options),
    // Its standard input is our pipe: it ends when we do, however that comes.
    stdio: ["pipe", output, output],
  });
  closeSync(output);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal === null ? `code ${code}` : signal));
  });
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    child.stdin?.end();
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP);
    await ended;
    clearTimeout(timer);
  };
  const died = ended.then(async (why) => {
    throw new SetupError(`Berth ended (${why}) before it was ready.`, `It said (${log}):\n${await logTail(log)}`);
  });
  // Heard only while we wait below.
  died.catch(() => undefined);
  try {
    await Promise.race([died, waitUntil("Berth is ready", START, () => isReady(url), ASK)]);
  } catch (error) {
    await stop();
    if (error instanceof SetupError) throw error;
    throw new SetupError(`Berth was not ready in ${START / 1000} s.`, `Its log says why: ${log}`, { cause: error });
  }
  return { url, ended, stop };
}

/** Refuses a port that is taken, before minutes are spent. */
export async function checkPort(port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new SetupError(`Port ${port} is not free.`, "Stop what listens there, or give --port N.", { cause })),
    );
    server.listen(port, "127.0.0.1", () => server.close(() => resolve()));
  });
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`);
  await response.body?.cancel();
  return response.status === 200;
}

function environment({ port, kubeconfig, context, engine }: GatewayOptions): NodeJS.ProcessEnv {
  return {
    ...process.env,
    BERTH_PORT: String(port),
    BERTH_KUBECONFIG: kubeconfig,
    BERTH_CONTEXT: context,
    BERTH_ENGINE: engine,
    BERTH_LOCAL_CHARTS: "true",
    BERTH_EXIT_WITH_STDIN: "true",
  };
}
