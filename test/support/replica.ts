import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { repository } from "@berth/devcluster";

/** Berth as a process of its own, to be killed. */
export interface ReplicaProcess {
  readonly url: string;
  readonly pid: number;
  /** Number of its engine's process. */
  enginePid(): number;
  /** Ends it as the kernel does. */
  kill(): Promise<void>;
  /** Asks it to end, and waits. */
  stop(): Promise<void>;
  /** What it has logged. */
  log(): string;
}

/** Starts a replica on a cluster and a home; several may share both. */
export async function startReplica(kubeconfig: string, home: string, config = ""): Promise<ReplicaProcess> {
  const child = spawn(process.execPath, [join(repository, "packages/server/src/main.ts")], {
    stdio: ["pipe", "ignore", "pipe"],
    env: {
      PATH: process.env.PATH,
      BERTH_PORT: "0",
      BERTH_KUBECONFIG: kubeconfig,
      BERTH_ENGINE: process.env.BERTH_ENGINE,
      BERTH_HOME_NAMESPACE: home,
      BERTH_CONFIG: config,
      BERTH_LOCAL_CHARTS: "true",
      BERTH_EXIT_WITH_STDIN: "true",
    },
  });
  let log = "";
  const exited = once(child, "exit");
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      const found = /"url":"(http[^"]+)"/.exec(log)?.[1];
      if (found !== undefined) resolve(found);
    });
    void exited.then(() => reject(new Error(`The replica ended: ${log}`)));
  });
  await untilReady(url);
  return {
    url,
    pid: child.pid ?? 0,
    enginePid: () => engineOf(child.pid ?? 0),
    log: () => log,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

async function untilReady(url: string): Promise<void> {
  for (let waited = 0; ; waited += 100) {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.status === 200) return;
    if (waited > 30_000) throw new Error("The replica does not get ready.");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function engineOf(pid: number): number {
  const text = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, "utf8").trim();
  const found = text.split(" ").find((one) => readFileSync(`/proc/${one}/comm`, "utf8").startsWith("berth-engine"));
  return Number(found ?? 0);
}
