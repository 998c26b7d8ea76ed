import { BerthError } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { createInformer } from "@berth/kube";
import type { Informer, KubeClient, KubeObject, Resource } from "@berth/kube";

import type { Protocol } from "../../resource.ts";
import { gateways, listenerSets, routes } from "./resources.ts";
import type { GatewayObject, ListenerSetObject, RouteObject } from "./resources.ts";

/** How long a first list may take before the driver counts as not there, in milliseconds. */
const PATIENCE = 5_000;

/** Gateways, ListenerSets and routes of all namespaces, from watches. Keys are `namespace/name`. */
export interface GatewayCache {
  readonly gateways: Informer<GatewayObject>;
  /** Indexes `gateway`: namespace/name of the parent, and `port`: that with a port, see `portKey`. */
  readonly listenerSets: Informer<ListenerSetObject>;
  readonly routes: Readonly<Record<Protocol, Informer<RouteObject>>>;
  /** Starts the watches where nobody did, and waits until they are complete. DRIVER_UNAVAILABLE where they do not get so. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

/** What ListenerSets with a port of a Gateway (namespace/name) are found by in the index `port`. */
export function portKey(gateway: string, port: number): string {
  return `${gateway} ${String(port)}`;
}

function gatewayKey({ metadata, spec }: ListenerSetObject): string {
  return `${spec.parentRef.namespace ?? metadata.namespace ?? ""}/${spec.parentRef.name}`;
}

/** What the cache is made of. */
export interface GatewayCacheParts {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Makes the cache. It watches nothing before somebody needs it: most clusters have no such pool. */
export function createGatewayCache(parts: GatewayCacheParts): GatewayCache {
  const make = <T extends KubeObject>(resource: Resource, indexes?: Record<string, (object: T) => string[]>) =>
    createInformer<T>({ ...parts, resource, transform: (object) => withoutManagers(object) as T, indexes });
  const sets = make<ListenerSetObject>(listenerSets, {
    gateway: (set) => [gatewayKey(set)],
    port: (set) => [...new Set(set.spec.listeners.map(({ port }) => portKey(gatewayKey(set), port)))],
  });
  const byProtocol = { tcp: make<RouteObject>(routes.tcp.resource), udp: make<RouteObject>(routes.udp.resource) };
  const all = {
    Gateway: make<GatewayObject>(gateways),
    ListenerSet: sets,
    TCPRoute: byProtocol.tcp,
    UDPRoute: byProtocol.udp,
  };
  return {
    gateways: all.Gateway,
    listenerSets: sets,
    routes: byProtocol,
    async ready() {
      const informers = Object.entries(all);
      for (const [, informer] of informers) informer.start();
      if (informers.every(([, informer]) => informer.hasSynced())) return;
      const patience = AbortSignal.timeout(PATIENCE);
      await Promise.all(informers.map(([kind, informer]) => complete(kind, informer, patience)));
    },
    async stop() {
      await Promise.all(Object.values(all).map((informer) => informer.stop()));
    },
  };
}

async function complete(kind: string, informer: Informer<KubeObject>, patience: AbortSignal): Promise<void> {
  try {
    await informer.synced(patience);
  } catch (cause) {
    const state = informer.state();
    const why = "error" in state ? ` (${state.error})` : "";
    throw new BerthError("DRIVER_UNAVAILABLE", `The cluster serves no ${kind} of gateway.networking.k8s.io/v1${why}.`, {
      hint: "Install the Gateway API 1.6 or later with an implementation, such as Envoy Gateway 1.9.",
      cause,
    });
  }
}

function withoutManagers(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
