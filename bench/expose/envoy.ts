import { get } from "node:http";
import { performance } from "node:perf_hooks";

import { silentLogger, systemClock } from "@berth/base";
import {
  ensureEnvoyGateway,
  ensureRealNode,
  installGateway,
  nodeImages,
  ownTestCluster,
  sharedGateway,
  whyNoRealNode,
} from "@berth/devcluster";
import type { RealNode } from "@berth/devcluster";
import { createInformer, createObject } from "@berth/kube";
import type { KubeClient, KubeObject } from "@berth/kube";

import { startGateway } from "../gateway.ts";
import type { Gateway } from "../gateway.ts";
import { EXPOSURES, connect, makePool, makeService, quantiles, report, send, timed } from "./load.ts";
import type { Exposed } from "./load.ts";

/** Exposures, and how many are asked for at once. */
const MEASURES = [
  { count: 100, callers: 1 },
  { count: 200, callers: 8 },
] as const;
/** Exposures before the first measure. */
const WARM = 30;
/** How often a port is asked until it answers, in milliseconds. */
const ASK = 10;
const POOL = "envoy";
const SERVICE = "echo";
const listenerSets = { group: "gateway.networking.k8s.io", version: "v1", plural: "listenersets" };

/** From the request to `Programmed`, and to the first byte through Envoy, on a real node. */
export async function measureEnvoy(engine: string): Promise<void> {
  const why = whyNoRealNode();
  if (why !== undefined) {
    report({ what: "through Envoy", notRun: why.message });
    return;
  }
  const [parts, real] = [await ensureEnvoyGateway(), await ensureRealNode()];
  await using cluster = await ownTestCluster({ real: { ...real, images: { ...real.images, ...parts.images } } });
  const { node } = cluster;
  if (node === undefined) throw new Error("The cluster has no real node.");
  const kube = await connect(cluster);
  const gateway = await startGateway(cluster, engine);
  try {
    await installGateway(gateway.url, parts, node);
    await makeEcho(kube);
    const { namespace, name } = sharedGateway;
    await makePool(gateway, POOL, "DRIVER_GATEWAY", [{ gateway: { namespace, name } }]);
    await using programmed = await followProgrammed(kube);
    await measure({ gateway, node, programmed }, { count: WARM, callers: 4 });
    for (const one of MEASURES)
      report({ what: "through Envoy", ...one, ...(await measure({ gateway, node, programmed }, one)) });
  } finally {
    await gateway.stop();
    await kube.close();
  }
}

interface Parts {
  readonly gateway: Gateway;
  readonly node: RealNode;
  readonly programmed: Programmed;
}

let nextPort = 20_000;

/**
 * Each is asked for with its port, which nobody has, so that the way to it stands
 * before the clock starts; then it is asked again and again until it answers.
 */
async function measure(
  { gateway, node, programmed }: Parts,
  { count, callers }: { readonly count: number; readonly callers: number },
) {
  const [ready, firstByte]: [number[], number[]] = [[], []];
  const started = new Map<string, number>();
  await timed(count, callers, async () => {
    const port = nextPort++;
    await using door = await node.forward({ host: sharedGateway.address, port });
    const name = `e-${String(port)}`;
    const start = performance.now();
    started.set(name, start);
    const settings = { name, service: SERVICE, service_port: 80, pool: POOL, port };
    const asked = send<Exposed>(gateway, `${EXPOSURES}?wait=60`, settings).then(({ state }) => {
      if (state !== "EXPOSURE_STATE_READY") throw new Error(`An exposure is ${state}.`);
      ready.push(performance.now() - start);
    });
    await Promise.all([asked, answers(door.port)]);
    firstByte.push(performance.now() - start);
  });
  const waited = [...started].map(([name, at]) => programmed.at(name) - at);
  return { msToProgrammed: quantiles(waited), msToReady: quantiles(ready), msToFirstByte: quantiles(firstByte) };
}

/** Resolves with the first byte that comes. */
async function answers(port: number): Promise<void> {
  for (;;) {
    const isThere = await new Promise<boolean>((resolve) => {
      const request = get({ host: "127.0.0.1", port, path: "/hostname", agent: false, timeout: 1_000 }, (response) => {
        response.resume();
        resolve(true);
      });
      request.on("timeout", () => request.destroy());
      request.on("error", () => resolve(false));
    });
    if (isThere) return;
    await systemClock.sleep(ASK);
  }
}

interface Programmed extends AsyncDisposable {
  /** When the ListenerSet of an exposure was seen to be `Programmed` first; NaN where it was not. */
  at(exposure: string): number;
}

interface ListenerSet extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Follows ListenerSets by a watch of its own. */
async function followProgrammed(kube: KubeClient): Promise<Programmed> {
  const seen = new Map<string, number>();
  const watch = createInformer({
    ...{ client: kube, log: silentLogger, clock: systemClock, resource: listenerSets },
    transform: (object) => object as ListenerSet,
  });
  watch.onChange((change) => {
    if (change.type === "deleted") return;
    const { metadata, status } = change.object;
    const name = metadata.labels?.["berth.dev/exposure"] ?? "";
    const isProgrammed = status?.conditions?.some((one) => one.type === "Programmed" && one.status === "True");
    if (isProgrammed === true && !seen.has(name)) seen.set(name, performance.now());
  });
  watch.start();
  await watch.synced();
  return { at: (name) => seen.get(name) ?? Number.NaN, [Symbol.asyncDispose]: () => watch.stop() };
}

/** A pod that answers by HTTP, and its Service. */
async function makeEcho(kube: KubeClient): Promise<void> {
  const labels = { app: SERVICE };
  const readinessProbe = { httpGet: { path: "/healthz", port: 8080 }, periodSeconds: 1 };
  const container = { name: "main", image: nodeImages.agnhost, args: ["netexec", "--http-port=8080"], readinessProbe };
  const pods = { resource: { group: "", version: "v1", plural: "pods" }, namespace: "default" };
  const spec = { containers: [container], terminationGracePeriodSeconds: 1 };
  await createObject(kube, pods, { apiVersion: "v1", kind: "Pod", metadata: { name: SERVICE, labels }, spec });
  await makeService(kube, SERVICE, 8080);
}
