import { performance } from "node:perf_hooks";

import { silentLogger, systemClock } from "@berth/base";
import type { DevCluster } from "@berth/devcluster";
import { createKubeClient, createObject, loadKubeconfig } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import type { Gateway } from "../gateway.ts";
import { post } from "../post.ts";

const CLUSTER = "/v1/clusters/local";
/** Where exposures and reservations are asked for. */
export const EXPOSURES = `${CLUSTER}/namespaces/default/exposures`;
/** The service behind all exposures that are not meant to answer. */
export const SERVICE = { service: "web", service_port: 80 };

/** An exposure as it is answered. */
export interface Exposed {
  readonly state: string;
  readonly port: number;
  readonly address: string;
}

/** Connects to the API server as its administrator. */
export async function connect({ kubeconfig }: DevCluster): Promise<KubeClient> {
  return createKubeClient(await loadKubeconfig(kubeconfig), { log: silentLogger, clock: systemClock });
}

/** Makes a Service that exposures lead to. */
export async function makeService(kube: KubeClient, name: string, targetPort: number, port = 80): Promise<void> {
  const where = { resource: { group: "", version: "v1", plural: "services" }, namespace: "default" };
  const spec = { selector: { app: name }, ports: [{ port, targetPort }] };
  await createObject(kube, where, { apiVersion: "v1", kind: "Service", metadata: { name }, spec });
}

/** Ports of a pool. */
export const PORTS = { from: 10_000, to: 60_000 };

/** Makes a pool with its addresses, and waits until all of them carry ports. */
export async function makePool(
  gateway: Gateway,
  name: string,
  driver: string,
  addresses: readonly object[],
): Promise<void> {
  await send(gateway, `${CLUSTER}/pools`, { name, driver, ports: PORTS, rest_seconds: 0, all_namespaces: true });
  for (const [index, address] of addresses.entries()) {
    await send(gateway, `${CLUSTER}/pools/${name}/addresses`, { name: `${name}-${String(index)}`, ...address });
  }
  for (;;) {
    const answer = await fetch(`${gateway.url}${CLUSTER}/pools/${name}`);
    const { addresses: known = [] } = (await answer.json()) as { addresses?: { ready: boolean }[] };
    if (known.filter(({ ready }) => ready).length === addresses.length) return;
    await systemClock.sleep(100);
  }
}

/** An address whose entries are stored in a ConfigMap, and lead nowhere. */
export function storedIn(configmap: string, capacity?: number): object {
  const address = `${configmap}.example.com`;
  return {
    address,
    configmap: { namespace: "default", tcp: configmap },
    ...(capacity === undefined ? {} : { capacity }),
  };
}

/** Asks a gateway for something; anything but 200 is an error. */
export async function send<T>(gateway: Gateway, path: string, body: object): Promise<T> {
  const answer = await post(gateway.url + path, body);
  if (answer.status !== 200) throw new Error(`${path}: ${answer.body}`);
  return JSON.parse(answer.body) as T;
}

/** What some work took. */
export interface Timed {
  /** Milliseconds of each. */
  readonly times: readonly number[];
  readonly perSecond: number;
}

/** Does something so often, so many at once. */
export async function timed(count: number, callers: number, work: (index: number) => Promise<void>): Promise<Timed> {
  const times: number[] = [];
  let next = 0;
  const caller = async () => {
    while (next < count) {
      const index = next++;
      const start = performance.now();
      await work(index);
      times.push(performance.now() - start);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: callers }, caller));
  return { times, perSecond: Math.round((count * 1000) / (performance.now() - start)) };
}

/** Median and 99th percentile of milliseconds. */
export function quantiles(times: readonly number[]): { readonly p50: number; readonly p99: number } {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.floor(sorted.length * share)] ?? Number.NaN, 1);
  return { p50: at(0.5), p99: at(0.99) };
}

/** Rounds to so many digits. */
export function round(number: number, digits: number): number {
  return Math.round(number * 10 ** digits) / 10 ** digits;
}

/** Prints what was measured. */
export function report(line: object): void {
  console.log(JSON.stringify({ bench: "expose", ...line }));
}
