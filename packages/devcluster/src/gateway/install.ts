import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { waitUntil } from "../cluster/wait-until.ts";
import { gatewayImages } from "../images/names.ts";
import { repository } from "../paths.ts";
import type { RealNode } from "../node/node.ts";
import { SetupError } from "../setup-error.ts";
import type { GatewayParts } from "../toolchain/envoy-gateway.ts";

/** The Gateway that `installGateway` makes: its name, that of its class and release, its namespace, its address inside. */
export const sharedGateway = {
  name: "shared",
  namespace: "gateways",
  /** A Service's address, of the range that Kubernetes leaves to those who choose one. */
  address: "10.96.0.80",
} as const;

const CONTROLLER = { name: "envoy-gateway", namespace: "envoy-gateway-system" };
/** Ten seconds on an idle machine; in minutes nothing is in order. */
const READY = 240_000;
const ASK = 500;
/** The Gateway's own listener, and how long one answer of Envoy's may take. */
const HTTP = 80;
const ANSWER = 2_000;
/** Label of our releases. */
const MADE_FROM = "made-from";

/** A release as it is to be. */
interface Wish {
  readonly name: string;
  readonly namespace: string;
  readonly chart: string;
  readonly values: object;
}

/**
 * Has the Berth at a URL, which may read charts of this machine's disk, install Envoy Gateway and then the Gateway of
 * `examples/gateway`, or upgrade what was made from something else. The node has the images. Resolves when Envoy answers.
 * @throws SetupError
 */
export async function installGateway(url: string, { chart }: GatewayParts, node: RealNode): Promise<void> {
  // The chart asks it each ten seconds whether it is ready.
  const readinessProbe = { httpGet: { path: "/readyz", port: 8081 }, periodSeconds: 1 };
  await release(url, { ...CONTROLLER, chart, values: { deployment: { envoyGateway: { readinessProbe } } } });
  await release(url, {
    ...sharedGateway,
    chart: join(repository, "examples/gateway"),
    values: {
      service: { type: "ClusterIP", clusterIP: sharedGateway.address },
      envoy: { image: gatewayImages.envoy },
    },
  });
  // After a start the objects still say what was true before.
  await using forward = await node.forward({ host: sharedGateway.address, port: HTTP });
  await waitUntil("Envoy answers", READY, async () => {
    const response = await fetch(`http://127.0.0.1:${forward.port}/`, { signal: AbortSignal.timeout(ANSWER) });
    await response.body?.cancel();
    return true;
  });
}

/** Makes a release what is wished for, or waits until one that is so already is ready again. */
async function release(url: string, wish: Wish): Promise<void> {
  const { name, namespace, chart, values } = wish;
  const path = `${url}/v1/clusters/local/namespaces/${namespace}/releases/${name}`;
  const madeFrom = await digest(wish);
  const isReady = async () => ((await (await fetch(`${path}/status`)).json()) as { ready?: boolean }).ready === true;
  const before = (await (await fetch(path)).json()) as { status?: string; labels?: Record<string, string> };
  if (before.status === "deployed" && before.labels?.[MADE_FROM] === madeFrom) {
    await waitUntil(`release ${name} is ready`, READY, isReady, ASK);
    return;
  }
  const response = await fetch(path, {
    method: "PUT",
    headers: { "content-type": "application/json", prefer: "wait=300" },
    body: JSON.stringify({
      ...{ chart: { path: chart }, values, install_if_missing: true, create_namespace: true },
      ...{ labels: { [MADE_FROM]: madeFrom }, options: { wait: true, timeout: `${READY / 1000}s` } },
    }),
  });
  const answer = (await response.json()) as { state?: string; error?: unknown };
  if (answer.state === "OPERATION_STATE_SUCCEEDED") return;
  throw new SetupError(
    `The release ${name} was not installed: ${JSON.stringify(answer.error ?? answer)}`,
    `GET ${new URL(path).pathname}/status says how its objects are.`,
  );
}

/** Tells releases apart by what they were made from: files and values. */
async function digest({ chart, values }: Wish): Promise<string> {
  const sum = createHash("sha256").update(JSON.stringify(values));
  const entries = await readdir(chart, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) sum.update(await readFile(file));
  return sum.digest("hex").slice(0, 20);
}
