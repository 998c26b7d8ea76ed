import assert from "node:assert/strict";

import { ensureEnvoyGateway, ensureRealNode, installGateway, ownTestCluster, sharedGateway } from "@berth/devcluster";
import type { DevCluster, RealNode } from "@berth/devcluster";

import { startTestBerth } from "./berth.ts";
import type { TestBerth } from "./berth.ts";

/** A cluster of its own with a real node, Envoy Gateway on it and Berth, which installed that. */
export interface GatewayCluster extends AsyncDisposable {
  readonly cluster: DevCluster;
  readonly node: RealNode;
  readonly berth: TestBerth;
  /** The Gateway to which ListenerSets of all namespaces may add ports: its name, namespace and address. */
  readonly gateway: typeof sharedGateway;
  /** Leads a port of this machine's loopback address to a port of the Gateway's address, until its scope ends. */
  forward(port: number, protocol?: "tcp" | "udp"): ReturnType<RealNode["forward"]>;
}

/** Starts it all: half a minute. */
export async function startGatewayCluster(): Promise<GatewayCluster> {
  const [parts, real] = [await ensureEnvoyGateway(), await ensureRealNode()];
  const cluster = await ownTestCluster({ real: { ...real, images: { ...real.images, ...parts.images } } });
  try {
    const { node } = cluster;
    assert.ok(node !== undefined);
    const berth = await startTestBerth({ kubeconfig: cluster.kubeconfig });
    await installGateway(berth.url, parts, node);
    return {
      ...{ cluster, node, berth, gateway: sharedGateway },
      forward: (port, protocol = "tcp") => node.forward({ host: sharedGateway.address, port }, { protocol }),
      async [Symbol.asyncDispose]() {
        await berth[Symbol.asyncDispose]();
        await cluster.stop();
      },
    };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
