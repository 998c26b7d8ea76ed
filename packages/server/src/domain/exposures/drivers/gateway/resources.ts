import type { Condition, KubeObject, Resource } from "@berth/kube";

import type { Protocol } from "../../resource.ts";

/*
 * What of the Gateway API (1.5 and later) the driver reads and writes.
 */

const gatewayApi = { group: "gateway.networking.k8s.io", version: "v1" } as const;
export const GATEWAY_API = "gateway.networking.k8s.io/v1";
export const gateways: Resource = { ...gatewayApi, plural: "gateways" };
export const listenerSets: Resource = { ...gatewayApi, plural: "listenersets" };
/** Routes of each protocol. */
export const routes: Readonly<Record<Protocol, { readonly kind: string; readonly resource: Resource }>> = {
  tcp: { kind: "TCPRoute", resource: { ...gatewayApi, plural: "tcproutes" } },
  udp: { kind: "UDPRoute", resource: { ...gatewayApi, plural: "udproutes" } },
};

/** A listener of a Gateway or ListenerSet. */
export interface Listener {
  readonly name: string;
  /** TCP, UDP, HTTP, HTTPS, TLS. */
  readonly protocol: string;
  readonly port: number;
  readonly allowedRoutes?: object;
}

/** State of a listener. */
export interface ListenerStatus {
  readonly name: string;
  readonly attachedRoutes?: number;
  readonly conditions?: readonly Condition[];
}

/** A Gateway. */
export interface GatewayObject extends KubeObject {
  readonly spec: {
    readonly listeners?: readonly Listener[];
    readonly allowedListeners?: { readonly namespaces?: { readonly from?: string } };
  };
  readonly status?: {
    readonly addresses?: readonly { readonly value?: string }[];
    readonly conditions?: readonly Condition[];
  };
}

/** A ListenerSet. */
export interface ListenerSetObject extends KubeObject {
  readonly spec: {
    readonly parentRef: {
      readonly name: string;
      readonly namespace?: string;
      readonly kind?: string;
      readonly group?: string;
    };
    readonly listeners: readonly Listener[];
  };
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly listeners?: readonly ListenerStatus[];
  };
}

/** A TCPRoute or UDPRoute. */
export interface RouteObject extends KubeObject {
  readonly spec: {
    readonly parentRefs?: readonly { readonly kind?: string; readonly name: string; readonly sectionName?: string }[];
    readonly rules: readonly {
      readonly backendRefs?: readonly { readonly name: string; readonly port?: number }[];
    }[];
  };
  readonly status?: {
    readonly parents?: readonly {
      readonly parentRef: { readonly kind?: string; readonly name: string };
      readonly conditions?: readonly Condition[];
    }[];
  };
}
