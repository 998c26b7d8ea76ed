import { keyOf } from "@berth/kube";

import type { Protocol } from "../../resource.ts";
import type { GatewayObject, ListenerSetObject } from "./resources.ts";

/** A listener that wants a port of a Gateway. */
export interface Contender {
  readonly protocol: Protocol;
  readonly port: number;
  /** What it is called where it stands. */
  readonly name: string;
  /** The ListenerSet it is of; undefined where the Gateway has it itself. */
  readonly set?: ListenerSetObject;
}

/**
 * The listener that has each port: of several the first, as the Gateway API says
 * (GEP-1713): the Gateway's own, then that of the oldest ListenerSet, then by
 * namespace and name. Pure.
 */
export function holdersOf(
  gateway: GatewayObject | undefined,
  sets: readonly ListenerSetObject[],
): readonly Contender[] {
  const holders = new Map<string, Contender>();
  for (const one of inOrder(gateway, sets)) {
    const place = `${one.protocol} ${String(one.port)}`;
    if (!holders.has(place)) holders.set(place, one);
  }
  return [...holders.values()];
}

function inOrder(gateway: GatewayObject | undefined, sets: readonly ListenerSetObject[]): readonly Contender[] {
  // All protocols but UDP are spoken over TCP.
  const placeOf = (protocol: string): Protocol => (protocol === "UDP" ? "udp" : "tcp");
  const own = (gateway?.spec.listeners ?? []).map(({ protocol, port, name }) => {
    return { protocol: placeOf(protocol), port, name };
  });
  const attached = [...sets]
    .sort(byAge)
    .flatMap((set) =>
      set.spec.listeners.map(({ protocol, port, name }) => ({ protocol: placeOf(protocol), port, name, set })),
    );
  return [...own, ...attached];
}

function byAge(a: ListenerSetObject, b: ListenerSetObject): number {
  const of = (set: ListenerSetObject) => `${set.metadata.creationTimestamp ?? ""} ${keyOf(set)}`;
  return of(a) < of(b) ? -1 : 1;
}
