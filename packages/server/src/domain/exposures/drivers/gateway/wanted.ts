import type { PortRemoval, PortWish } from "../driver.ts";
import { ownMetadata, ownName } from "../owned.ts";
import type { AddressObject, Protocol } from "../../resource.ts";
import { GATEWAY_API, routes } from "./resources.ts";
import type { ListenerSetObject, RouteObject } from "./resources.ts";

/*
 * The objects of one exposure: a ListenerSet with a listener for each protocol, and
 * a route behind each. They stand beside the service and belong to the Exposure, so
 * that nothing is shared and nothing outlives it.
 */

/** The Gateway of an address; every address of the driver's pools has one. */
export function gatewayOf({ spec }: AddressObject): { readonly namespace: string; readonly name: string } {
  return spec.gateway ?? { namespace: "", name: "" };
}

/** The ListenerSet that an exposure needs. */
export function listenerSetOf(wish: PortWish): ListenerSetObject {
  const { name, namespace } = gatewayOf(wish.address);
  return {
    apiVersion: GATEWAY_API,
    kind: "ListenerSet",
    metadata: ownMetadata(wish.exposure),
    spec: {
      parentRef: { group: "gateway.networking.k8s.io", kind: "Gateway", name, namespace },
      listeners: wish.protocols.map((protocol) => ({
        ...{ name: protocol, protocol: protocol.toUpperCase(), port: wish.port },
        allowedRoutes: { namespaces: { from: "Same" }, kinds: [{ kind: routes[protocol].kind }] },
      })),
    },
  };
}

/** The route of one of its protocols. */
export function routeOf(wish: PortWish, protocol: Protocol): RouteObject {
  const { name, port } = wish.backend;
  const parent = { group: "gateway.networking.k8s.io", kind: "ListenerSet", name: ownName(wish.exposure) };
  return {
    apiVersion: GATEWAY_API,
    kind: routes[protocol].kind,
    metadata: ownMetadata(wish.exposure),
    spec: {
      parentRefs: [{ ...parent, sectionName: protocol }],
      rules: [{ backendRefs: [{ name, port }] }],
    },
  };
}

/** What a ListenerSet says that the driver has said, as a text; the API server adds defaults to the rest. */
export function factsOfListenerSet({ metadata, spec }: ListenerSetObject): string {
  const { parentRef, listeners } = spec;
  const gateway = `${parentRef.namespace ?? metadata.namespace ?? ""}/${parentRef.name}`;
  return JSON.stringify([gateway, listeners.map(({ name, protocol, port }) => [name, protocol, port])]);
}

/** The same of a route. */
export function factsOfRoute({ spec }: RouteObject): string {
  const parents = (spec.parentRefs ?? []).map(({ kind, name, sectionName }) => [kind, name, sectionName]);
  return JSON.stringify([parents, spec.rules.map(({ backendRefs = [] }) => backendRefs.map(toText))]);
}

/** Where a route leads to, as `namespace/service:port`; empty where to nothing that the driver would say. */
export function backendOfRoute(route: RouteObject | undefined): string {
  const [rule, ...others] = route?.spec.rules ?? [];
  const [backend, ...more] = rule?.backendRefs ?? [];
  const isOne = backend !== undefined && others.length === 0 && more.length === 0;
  return isOne ? `${route?.metadata.namespace ?? ""}/${toText(backend)}` : "";
}

/** Whether a ListenerSet carries what is to be removed: it may have moved on to another port. */
export function carries(set: ListenerSetObject, { address, port }: PortRemoval): boolean {
  const { namespace, name } = gatewayOf(address);
  const { parentRef, listeners } = set.spec;
  const isThere = (parentRef.namespace ?? set.metadata.namespace) === namespace && parentRef.name === name;
  return isThere && listeners.some((listener) => listener.port === port);
}

function toText({ name, port }: { readonly name: string; readonly port?: number }): string {
  return `${name}:${String(port ?? "")}`;
}
