import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { silentLogger, systemClock } from "@berth/base";
import { repository } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";
import { applyDefinitions, createKubeClient, ensureNamespace, loadKubeconfig } from "@berth/kube";

import { NODE_FLAGS } from "../tools/up/gateway.ts";

/** A gateway process on its engine's own. */
export interface Gateway {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts the gateway as a process of its own and waits until it is ready; `before` stands before its command, such as `taskset -c 0`. */
export async function startGateway(
  cluster: DevCluster,
  engine: string,
  before: readonly string[] = [],
): Promise<Gateway> {
  const client = createKubeClient(await loadKubeconfig(cluster.kubeconfig), { log: silentLogger, clock: systemClock });
  await applyDefinitions(client, systemClock);
  await ensureNamespace(client, "berth-system");
  await client.close();
  const main = join(repository, "packages/server/src/main.ts");
  const [program, ...args] = [...before, process.execPath, ...NODE_FLAGS, main];
  const child = spawn(program, args, {
    stdio: ["pipe", "ignore", "pipe"],
    env: {
      PATH: process.env.PATH,
      BERTH_PORT: "0",
      BERTH_KUBECONFIG: cluster.kubeconfig,
      BERTH_ENGINE: engine,
      BERTH_LOCAL_CHARTS: "true",
      BERTH_EXIT_WITH_STDIN: "true",
    },
  });
  let log = "";
  for await (const chunk of child.stderr) {
    log += String(chunk);
    const url = /"url":"(http[^"]+)"/.exec(log)?.[1];
    if (url !== undefined) {
      child.stderr.resume();
      while ((await fetch(`${url}/readyz`)).status !== 200) await systemClock.sleep(50);
      const stop = async () => {
        child.stdin.end();
        await once(child, "exit");
      };
      return { url, pid: child.pid ?? 0, stop };
    }
  }
  throw new Error(`The gateway did not start: ${log}`);
}
