import { silentLogger, systemClock } from "@berth/base";
import { installGateway, sharedGateway } from "@berth/devcluster";
import type { DevCluster, GatewayParts, Progress } from "@berth/devcluster";
import { createKubeClient, loadKubeconfig } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { makeDefaultPool } from "./default-pool.ts";
import type { Carrier } from "./default-pool.ts";
import { openExposedPorts } from "./exposed-ports.ts";
import type { ExposedPorts } from "./exposed-ports.ts";
import { HOME } from "./home.ts";
import type { UpOptions } from "./options.ts";

/** What `up` adds to the cluster once Berth runs on it. */
export interface Furnisher {
  furnish(url: string): Promise<void>;
  stop(): Promise<void>;
}

/** Has Envoy Gateway installed where it is wanted, and makes the pool that services are exposed on. */
export function furnisher(
  { kubeconfig, node }: DevCluster,
  gateway: GatewayParts | undefined,
  { real }: Pick<UpOptions, "real">,
  progress: Progress,
): Furnisher {
  let client: KubeClient | undefined;
  let ports: ExposedPorts | undefined;
  const pool = async (carrier: Carrier): Promise<KubeClient> => {
    client = createKubeClient(await loadKubeconfig(kubeconfig), { log: silentLogger, clock: systemClock });
    if (!(await makeDefaultPool(client, carrier))) {
      progress.say(
        "The pool `default` is that of another kind of start: it is made anew once nothing is exposed on it.",
      );
    }
    return client;
  };
  return {
    async furnish(url) {
      if (gateway !== undefined && node !== undefined) {
        await progress.run("Berth installs Envoy Gateway", () => installGateway(url, gateway, node));
        const { name, namespace, address } = sharedGateway;
        ports = openExposedPorts(await pool({ driver: "gateway", name, namespace }), node, address, progress);
        return;
      }
      // On a real node the ports of a pool that is simulated would be expected to answer.
      if (!real) await pool({ driver: "configmap", namespace: HOME });
    },
    async stop() {
      await ports?.stop();
      await client?.close();
    },
  };
}
