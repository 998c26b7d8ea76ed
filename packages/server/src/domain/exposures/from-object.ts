import type { ExposureCache } from "./cache.ts";
import { isDeleting, poolOf, protocolsOf, readyOf } from "./resource.ts";
import type { AddressObject, ExposureObject, PoolObject } from "./resource.ts";
import type { Exposure, ExposureState, Pool, PoolAddress } from "./types.ts";

/** An exposure as it is stored, in the domain's words. */
export function toExposure(cluster: string, object: ExposureObject): Exposure {
  const { metadata, spec, status = {} } = object;
  const condition = readyOf(status);
  const release = spec.release?.name;
  return {
    ...{ cluster, namespace: metadata.namespace ?? "", name: metadata.name },
    settings: {
      service: spec.service.name,
      servicePort: String(spec.service.port),
      protocols: protocolsOf(spec),
      pool: poolOf(spec),
      address: spec.address,
      port: spec.port,
      reservation: spec.reservation,
      release,
      deleteWithRelease: spec.release?.deleteWith ?? false,
    },
    state: stateOf(object),
    reason: condition?.reason ?? "Pending",
    message: condition?.message ?? "",
    slot: status.claim?.slot ?? "",
    address: status.address ?? "",
    port: status.port ?? 0,
    simulated: status.simulated ?? false,
    release: status.release ?? release ?? "",
    generation: metadata.generation ?? 0,
    resourceVersion: metadata.resourceVersion ?? "",
    createTime: metadata.creationTimestamp === undefined ? undefined : new Date(metadata.creationTimestamp),
  };
}

function stateOf(object: ExposureObject): ExposureState {
  if (isDeleting(object)) return "deleting";
  const condition = readyOf(object.status);
  const isPresent = condition?.observedGeneration === object.metadata.generation;
  if (condition === undefined || !isPresent || condition.reason === "Pending") return "pending";
  return condition.status === "True" ? "ready" : "failed";
}

/** A pool with its addresses, in the domain's words. */
export function toPool(cluster: string, cache: ExposureCache, { metadata, spec, status }: PoolObject): Pool {
  const { all = false, names = [], selector } = spec.allowedNamespaces ?? {};
  const condition = readyOf(status);
  const own = cache.addresses.byIndex("pool", metadata.name);
  return {
    ...{ cluster, name: metadata.name },
    settings: {
      ...{ driver: spec.driver, ...spec.ports, reserved: spec.reserved, restSeconds: spec.restSeconds ?? 60 },
      ...{ simulated: spec.simulated ?? false, allAllowed: all, allowedNamespaces: names, allowedSelector: selector },
    },
    addresses: own.map((address) => toAddress(cache, address)).sort((a, b) => (a.name < b.name ? -1 : 1)),
    isReady: condition?.status === "True",
    reason: condition?.reason ?? "Pending",
    message: condition?.message ?? "",
    resourceVersion: metadata.resourceVersion ?? "",
  };
}

/** An address in the domain's words. */
export function toAddress(cache: ExposureCache, { metadata, spec, status }: AddressObject): PoolAddress {
  const condition = readyOf(status);
  const { pool, nodeport, ...settings } = spec;
  return {
    ...settings,
    ...{ pool, name: metadata.name, nodeport: nodeport !== undefined },
    reachedAt: spec.address ?? status?.address ?? "",
    isReady: condition?.status === "True",
    reason: condition?.reason ?? "Pending",
    message: condition?.message ?? "",
    use: cache.tally.of(metadata.name),
  };
}
