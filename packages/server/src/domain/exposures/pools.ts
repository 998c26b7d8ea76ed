import { BerthError } from "@berth/base";
import { createObject, deleteObject, getObject } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import type { ExposureCache } from "./cache.ts";
import { explain, unknown } from "./objects.ts";
import { duplicatesIn } from "./places.ts";
import { API_VERSION, FINALIZER, addressPools, addresses } from "./resource.ts";
import type { AddressObject, AddressSpec, PoolObject, PoolSpec } from "./resource.ts";
import type { AddressSettings, PoolSettings } from "./types.ts";

/** How long a write waits until the cache has it, in milliseconds. */
const FRESHNESS_WAIT = 2_000;

interface PoolParts {
  readonly client: KubeClient;
  readonly cache: ExposureCache;
}

/** Makes a pool; its addresses come after it. */
export async function createPool(
  { client, cache }: PoolParts,
  name: string,
  settings: PoolSettings,
  dryRun: boolean,
): Promise<PoolObject> {
  const body = {
    ...{ apiVersion: API_VERSION, kind: "AddressPool", metadata: { name, finalizers: [FINALIZER] } },
    spec: toPoolSpec(settings),
  };
  const made = await createObject<PoolObject>(client, { resource: addressPools }, body, { dryRun }).catch(
    (error: unknown) => {
      throw explain(error, "POOL", name);
    },
  );
  if (!dryRun) await cache.pools.waitFor(made.metadata.resourceVersion ?? "0", FRESHNESS_WAIT);
  return made;
}

/** Makes an address of a pool. ADDRESS_TAKEN where another one stands for the same place. */
export async function createAddress(
  { client, cache }: PoolParts,
  pool: string,
  name: string,
  settings: AddressSettings,
  dryRun: boolean,
): Promise<AddressObject> {
  if ((await getObject(client, { resource: addressPools, name: pool })) === undefined) throw unknown("POOL", pool);
  const spec = toAddressSpec(pool, settings);
  const others = await client.request<{ items: AddressObject[] }>({ path: "/apis/berth.dev/v1alpha1/addresses" });
  const asked = { metadata: { name, creationTimestamp: "9999" }, spec };
  const rest = others.items.filter(({ metadata }) => metadata.name !== name);
  const duplicate = duplicatesIn([...rest, asked]).get(name);
  if (duplicate !== undefined) {
    const { owner, place } = duplicate;
    throw new BerthError(
      "ADDRESS_TAKEN",
      `Address "${owner.metadata.name}" of pool "${owner.spec.pool}" has ${place}.`,
      {
        field: "address",
      },
    );
  }
  const body = { apiVersion: API_VERSION, kind: "Address", metadata: { name, finalizers: [FINALIZER] }, spec };
  const made = await createObject<AddressObject>(client, { resource: addresses }, body, { dryRun }).catch(
    (error: unknown) => {
      throw explain(error, "ADDRESS", name);
    },
  );
  if (!dryRun) await cache.addresses.waitFor(made.metadata.resourceVersion ?? "0", FRESHNESS_WAIT);
  return made;
}

/** Deletes a pool, with its addresses, or one of them. POOL_IN_USE where exposures or reservations have ports of it. */
export async function deletePool(
  { client, cache }: PoolParts,
  pool: string,
  address: string | undefined,
  dryRun: boolean,
): Promise<PoolObject> {
  const stored = await getObject<PoolObject>(client, { resource: addressPools, name: pool });
  if (stored === undefined) throw unknown("POOL", pool);
  const all = cache.addresses.byIndex("pool", pool).map(({ metadata }) => metadata.name);
  const slots = address === undefined ? all : all.filter((name) => name === address);
  if (address !== undefined && slots.length === 0) throw unknown("ADDRESS", address);
  const given = slots.reduce((sum, slot) => sum + cache.tally.of(slot).exposed + cache.tally.of(slot).reserved, 0);
  if (given > 0) {
    const what = address === undefined ? `pool "${pool}"` : `address "${address}"`;
    const details = { ports: String(given) };
    throw new BerthError("POOL_IN_USE", `${String(given)} ports of ${what} are given.`, { field: "name", details });
  }
  for (const name of slots) await deleteObject(client, { resource: addresses, name }, { dryRun });
  if (address === undefined) await deleteObject(client, { resource: addressPools, name: pool }, { dryRun });
  return stored;
}

function toPoolSpec(settings: PoolSettings): PoolSpec {
  const { driver, from, to, reserved, restSeconds, simulated, allAllowed, allowedNamespaces, allowedSelector } =
    settings;
  return {
    ...{ driver, ports: { from, to }, restSeconds },
    ...(reserved === undefined ? {} : { reserved }),
    ...(simulated ? { simulated } : {}),
    allowedNamespaces: {
      ...(allAllowed ? { all: true } : {}),
      ...(allowedNamespaces.length === 0 ? {} : { names: allowedNamespaces }),
      ...(allowedSelector === undefined ? {} : { selector: allowedSelector }),
    },
  };
}

function toAddressSpec(pool: string, settings: AddressSettings): AddressSpec {
  const { address, capacity, release, configmap, gateway, nodeport } = settings;
  return {
    pool,
    ...(address === undefined ? {} : { address }),
    ...(capacity === undefined ? {} : { capacity }),
    ...(release === undefined ? {} : { release }),
    ...(configmap === undefined ? {} : { configmap }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(nodeport === true ? { nodeport: {} } : {}),
  };
}
