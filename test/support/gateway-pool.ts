import assert from "node:assert/strict";
import { join } from "node:path";

import { gatewayImages, repository } from "@berth/devcluster";

import { succeeded } from "./answers.ts";
import type { OperationAnswer } from "./answers.ts";
import { ECHO } from "./echo.ts";
import { applyByHand, exposuresPath, untilReady } from "./exposures.ts";
import type { ExposureAnswer } from "./exposures.ts";
import type { GatewayCluster } from "./gateway.ts";

/** Has Berth install services that say their names on port 7000, by TCP and UDP. */
export async function installEchoes({ berth }: GatewayCluster, names: readonly string[]): Promise<void> {
  const chart = { path: await berth.charts.write("echo", { "templates/all.yaml": ECHO }) };
  for (const name of names) {
    const body = { name, chart, options: { wait: true, timeout: "60s" } };
    succeeded(await berth.request<OperationAnswer>("POST", berth.releases, body));
  }
}

/** Has Berth install Gateways of their own beside the shared one. */
export async function installGateways({ berth, gateway }: GatewayCluster, names: readonly string[]): Promise<void> {
  const path = `/v1/clusters/local/namespaces/${gateway.namespace}/releases`;
  const values = { service: { type: "ClusterIP" }, envoy: { image: gatewayImages.envoy } };
  const chart = { path: join(repository, "examples/gateway") };
  const options = { wait: true, timeout: "120s" };
  for (const name of names) {
    succeeded(await berth.request<OperationAnswer>("POST", path, { name, chart, values, options }));
  }
}

/** Settings of a pool of Gateways. */
export interface GatewayPoolOptions {
  readonly from: number;
  readonly to: number;
  readonly capacity?: number;
  /** What its addresses are to say. */
  readonly reason?: string;
}

/** Does what `kubectl apply` of a pool of Gateways does. */
export async function makeGatewayPool(
  { berth, gateway }: GatewayCluster,
  name: string,
  gateways: readonly string[],
  { from, to, capacity, reason }: GatewayPoolOptions,
): Promise<void> {
  const { kube } = berth;
  const ports = { driver: "gateway", ports: { from, to }, restSeconds: 0, allowedNamespaces: { all: true } };
  await applyByHand(kube, "AddressPool", { name }, ports);
  for (const one of gateways) {
    const spec = { pool: name, gateway: { namespace: gateway.namespace, name: one } };
    await applyByHand(kube, "Address", { name: `${name}-${one}` }, { ...spec, ...(capacity && { capacity }) });
    await untilReady(kube, `addresses/${name}-${one}`, reason);
  }
}

/** Exposes port 7000 of a service and waits until it is reachable. */
export async function exposeOn({ berth }: GatewayCluster, body: object): Promise<ExposureAnswer> {
  const settings = { service_port: 7000, ...body };
  const answer = await berth.request<ExposureAnswer>("POST", `${exposuresPath(berth)}?wait=60`, settings);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.equal(answer.body.state, "EXPOSURE_STATE_READY", JSON.stringify(answer.body));
  return answer.body;
}
