import { BerthError, asBerthError } from "@berth/base";
import {
  createObject,
  deleteObject,
  getObject,
  hasStatus,
  isConflict,
  isNotFound,
  keyOf,
  updateObject,
} from "@berth/kube";
import type { Informer, KubeClient, KubeObject, Resource } from "@berth/kube";

import type { AddressState, Carried, Driver, Entry, PortWish } from "../driver.ts";
import { EXPOSURE_LABEL, isOwn, ownName } from "../owned.ts";
import type { AddressObject, Protocol } from "../../resource.ts";
import { createGatewayCache, portKey } from "./cache.ts";
import type { GatewayCache, GatewayCacheParts } from "./cache.ts";
import { judge } from "./judge.ts";
import { holdersOf } from "./listeners.ts";
import { listenerSets, routes } from "./resources.ts";
import type { GatewayObject, ListenerSetObject, RouteObject } from "./resources.ts";
import {
  backendOfRoute,
  carries,
  factsOfListenerSet,
  factsOfRoute,
  gatewayOf,
  listenerSetOf,
  routeOf,
} from "./wanted.ts";

/** Ports of one Gateway where its Address does not say: Envoy was measured to take 219 MiB with so many. */
const CAPACITY = 1000;
const PROTOCOLS = ["tcp", "udp"] as const;

/**
 * Carries ports by the Gateway API (1.6 and later): for each exposure one
 * ListenerSet and one TCPRoute or UDPRoute a protocol, in the service's own
 * namespace and owned by the Exposure. Nothing shared is written.
 */
export function createGatewayDriver(parts: GatewayCacheParts): Driver {
  const cache = createGatewayCache(parts);
  const { client } = parts;
  const ends: (() => void)[] = [];
  return {
    name: "gateway",
    capacity: CAPACITY,
    protocolsOf: () => PROTOCOLS,
    describe: ({ backend }) => `${backend.namespace}/${backend.name}:${String(backend.port)}`,
    isAsDescribed: ({ entry }, description) => entry === description,
    async ensure(wish) {
      await cache.ready();
      openGateway(cache, wish.address);
      refuseSplit(wish);
      return otherOn(cache, wish) ?? (await make(client, cache, wish));
    },
    async remove(removal) {
      const { namespace } = removal.exposure;
      const name = ownName(removal.exposure);
      // Asked and not remembered: what was made a moment ago is to go as well. Where nothing is served, nothing is there.
      const set = await getObject<ListenerSetObject>(client, { resource: listenerSets, namespace, name });
      if (set === undefined || carries(set, removal)) await removeAll(client, namespace, name, set);
    },
    async survey(address) {
      await cache.ready();
      return surveyOf(cache, address);
    },
    async drop(address, entry) {
      await cache.ready();
      const found = holdersOn(cache, address, entry.port).find(
        ({ protocol, owner }) => protocol === entry.protocol && owner !== undefined,
      );
      if (found?.owner === undefined) return;
      const { namespace = "", name } = found.owner.metadata;
      await removeAll(client, namespace, name, found.owner);
    },
    start(tell) {
      const informers: readonly Informer<KubeObject>[] = [cache.listenerSets, cache.routes.tcp, cache.routes.udp];
      for (const informer of informers) {
        const end = informer.onChange((change) => {
          const object = change.type === "deleted" ? change.previous : change.object;
          const owner = object.metadata.labels?.[EXPOSURE_LABEL];
          if (owner !== undefined) tell(`${object.metadata.namespace ?? ""}/${owner}`);
        });
        ends.push(end);
      }
    },
    async stop() {
      for (const end of ends) end();
      await cache.stop();
    },
  };
}

/** The Gateway of an address, if ListenerSets may attach to it. */
function openGateway({ gateways }: GatewayCache, address: AddressObject): GatewayObject {
  const { namespace, name } = gatewayOf(address);
  const gateway = gateways.get(`${namespace}/${name}`);
  if (gateway === undefined) {
    throw new BerthError("DRIVER_UNAVAILABLE", `There is no Gateway "${name}" in namespace "${namespace}".`);
  }
  const from = gateway.spec.allowedListeners?.namespaces?.from ?? "None";
  if (from === "None") {
    const message = `The Gateway "${namespace}/${name}" lets no ListenerSet in.`;
    throw new BerthError("DRIVER_REFUSED", message, { hint: "Set its spec.allowedListeners.namespaces.from to All." });
  }
  const refused = gateway.status?.conditions?.find(({ type, status }) => type === "Accepted" && status === "False");
  if (refused === undefined) return gateway;
  const words = `${refused.reason}: ${refused.message ?? ""}`;
  throw new BerthError("DRIVER_UNAVAILABLE", `The Gateway "${namespace}/${name}" is not accepted (${words}).`);
}

/** A route names a Service's port by its number alone: Envoy Gateway 1.9 takes the first of that number, whatever its protocol. */
function refuseSplit({ backend }: PortWish): void {
  if (!backend.isSplit) return;
  const message = `TCP and UDP of port ${String(backend.port)} of service "${backend.name}" lead to different ports of its pods.`;
  throw new BerthError("SERVICE_UNSUPPORTED", message, {
    field: "service.port",
    hint: "A Gateway cannot tell them apart. Give them different numbers in the Service, or the same targetPort.",
  });
}

/** Who else has the port: our listener would be in conflict. Who came after us has not, and moves nobody. */
function otherOn(cache: GatewayCache, { address, port, protocols, exposure }: PortWish): Carried | undefined {
  for (const { protocol, entry, owner } of holdersOn(cache, address, port)) {
    const isMine = owner?.metadata.name === ownName(exposure);
    if (protocols.includes(protocol) && !isMine) return { kind: "stranger", protocol, entry };
  }
  return undefined;
}

async function make(client: KubeClient, cache: GatewayCache, wish: PortWish): Promise<Carried> {
  const key = `${wish.exposure.namespace}/${ownName(wish.exposure)}`;
  const set = cache.listenerSets.get(key);
  let isWritten = await put(client, listenerSets, listenerSetOf(wish), set, factsOfListenerSet);
  const made = new Map<Protocol, RouteObject>();
  for (const protocol of wish.protocols) {
    const route = cache.routes[protocol].get(key);
    const { resource } = routes[protocol];
    if (await put(client, resource, routeOf(wish, protocol), route, factsOfRoute)) isWritten = true;
    else if (route !== undefined) made.set(protocol, route);
  }
  if (isWritten || set === undefined) return { kind: "pending", message: "The Gateway's controller was told." };
  return judge(set, made);
}

/** Makes an object what it is to be; true where that needed a write. */
async function put<T extends KubeObject & { readonly spec: object }>(
  client: KubeClient,
  resource: Resource,
  wanted: T,
  known: T | undefined,
  factsOf: (object: T) => string,
): Promise<boolean> {
  const { namespace, name } = wanted.metadata;
  if (known !== undefined && factsOf(known) === factsOf(wanted)) return false;
  try {
    if (known === undefined) await createObject(client, { resource, namespace }, wanted);
    else {
      const { resourceVersion, uid } = known.metadata;
      const body = { ...wanted, metadata: { ...wanted.metadata, resourceVersion, uid } };
      await updateObject(client, { resource, namespace, name }, body);
    }
  } catch (error) {
    // Another replica was faster, or the watch is behind: it tells, and all is looked at again.
    if (!isConflict(error) && !isNotFound(error)) throw refusal(error);
  }
  return true;
}

/** The API server's own words, where an admission policy or a definition says no. */
function refusal(error: unknown): unknown {
  const isRefused = hasStatus(error, 403) || hasStatus(error, 422) || hasStatus(error, 400);
  return isRefused ? new BerthError("DRIVER_REFUSED", asBerthError(error).message, { cause: error }) : error;
}

/** Removes a ListenerSet and the routes of its name; bytes end with the listener. Where nothing is served, nothing is there. */
async function removeAll(client: KubeClient, namespace: string, name: string, set?: ListenerSetObject): Promise<void> {
  // Just the one that was read: by now it may carry another port, which somebody has a claim on.
  const { resourceVersion } = set?.metadata ?? {};
  if (set !== undefined) await deleteObject(client, { resource: listenerSets, namespace, name }, { resourceVersion });
  for (const { resource } of Object.values(routes)) await deleteObject(client, { resource, namespace, name });
}

function surveyOf(cache: GatewayCache, address: AddressObject): AddressState {
  const gateway = openGateway(cache, address);
  const entries = holdersOn(cache, address).map(({ protocol, port, entry, owner }) => {
    return { protocol, port, entry, isOurs: owner !== undefined };
  });
  return { address: gateway.status?.addresses?.[0]?.value ?? "", entries };
}

/** Each listener that has a port of an address, or the one port that is asked for; with the ListenerSet as its owner where that is ours. */
function holdersOn(
  { gateways, listenerSets: sets, routes: byProtocol }: GatewayCache,
  address: AddressObject,
  only?: number,
): readonly (Omit<Entry, "isOurs"> & { readonly owner?: ListenerSetObject })[] {
  const { namespace, name } = gatewayOf(address);
  const key = `${namespace}/${name}`;
  const found = only === undefined ? sets.byIndex("gateway", key) : sets.byIndex("port", portKey(key, only));
  return holdersOf(gateways.get(key), found)
    .filter(({ port }) => only === undefined || port === only)
    .map(({ protocol, port, name: listener, set }) => {
      if (set === undefined) return { protocol, port, entry: `listener ${listener} of the Gateway` };
      if (!isOwn(set)) return { protocol, port, entry: `ListenerSet ${keyOf(set)}` };
      return { protocol, port, entry: backendOfRoute(byProtocol[protocol].get(keyOf(set))), owner: set };
    });
}
