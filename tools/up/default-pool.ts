import { setTimeout as sleep } from "node:timers/promises";

import { createObject, deleteObject, getObject, hasStatus } from "@berth/kube";
import type { KubeClient, KubeObject } from "@berth/kube";

const kinds = {
  AddressPool: { group: "berth.dev", version: "v1alpha1", plural: "addresspools" },
  Address: { group: "berth.dev", version: "v1alpha1", plural: "addresses" },
} as const;

/** Name of the pool that is there from the start. */
export const DEFAULT_POOL = "default";
const ADDRESS = "local";
const PORTS = { from: 20_000, to: 30_000 };
/** How long what an earlier start has made may take to go, in milliseconds. */
const PATIENCE = 10_000;
const LOOK = 200;

/** What carries the pool's ports: ConfigMaps of a namespace that nobody reads, or a Gateway. */
export type Carrier =
  | { readonly driver: "configmap"; readonly namespace: string }
  | { readonly driver: "gateway"; readonly name: string; readonly namespace: string };

/**
 * Makes the pool that is there from the start, for every namespace, on ports of
 * 127.0.0.1. One that is there already stays as it is, unless it was made for
 * another driver: then it is made anew. False where that one is still in use.
 */
export async function makeDefaultPool(client: KubeClient, carrier: Carrier): Promise<boolean> {
  const { driver } = carrier;
  if (!(await removeOther(client, driver))) return false;
  await make(client, "AddressPool", DEFAULT_POOL, {
    ...{ driver, ports: PORTS, ...(driver === "configmap" ? { simulated: true } : {}) },
    allowedNamespaces: { all: true },
  });
  await make(client, "Address", ADDRESS, { pool: DEFAULT_POOL, address: "127.0.0.1", ...toPlace(carrier) });
  return true;
}

function toPlace(carrier: Carrier): object {
  const { namespace } = carrier;
  if (carrier.driver === "gateway") return { gateway: { namespace, name: carrier.name } };
  return { configmap: { namespace, tcp: "tcp-services", udp: "udp-services" } };
}

/** Removes a pool of another driver. Berth lets it go once nothing is exposed on it. */
async function removeOther(client: KubeClient, driver: string): Promise<boolean> {
  const pool = { resource: kinds.AddressPool, name: DEFAULT_POOL };
  const address = { resource: kinds.Address, name: ADDRESS };
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(LOOK)) {
    const found = await getObject<KubeObject & { readonly spec: { readonly driver: string } }>(client, pool);
    const left = await getObject(client, address);
    const isOther = found !== undefined && found.spec.driver !== driver;
    const isGoing = found === undefined && left?.metadata.deletionTimestamp !== undefined;
    if (!isOther && !isGoing) return true;
    await deleteObject(client, address);
    if (isOther) await deleteObject(client, pool);
  }
  return false;
}

async function make(client: KubeClient, kind: keyof typeof kinds, name: string, spec: object): Promise<void> {
  const body = { apiVersion: "berth.dev/v1alpha1", kind, metadata: { name }, spec };
  await createObject(client, { resource: kinds[kind] }, body).catch((error: unknown) => {
    if (!hasStatus(error, 409)) throw error;
  });
}
