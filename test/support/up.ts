import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { repository } from "@berth/devcluster";

/** What `npm run up` runs, once it is ready. */
export interface Up {
  readonly url: string;
  readonly output: string;
  /** Sends a signal and gives the exit code once it is gone. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Runs what `npm run up` runs on a data directory, until it says that it is ready. */
export async function startUp(data: string, ...args: string[]): Promise<Up> {
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [join(repository, "tools/up/main.ts"), "--port", String(port), "--data", data, ...args],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const ended = once(child, "exit") as Promise<[number | null]>;
  let output = "";
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes("Ctrl-C stops")) resolve();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    void ended.then(([code]) => reject(new Error(`It ended with ${String(code)}:\n${output}`)));
  });
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    const [code] = await ended;
    return code;
  };
  return { url: `http://127.0.0.1:${String(port)}`, output, end };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
