import { BerthError } from "@berth/base";
import type { Condition, KubeObject } from "@berth/kube";

import type { Carried } from "../driver.ts";
import type { Protocol } from "../../resource.ts";
import type { ListenerSetObject, RouteObject } from "./resources.ts";

/** Reasons of a listener that is not carried because another one has the port. */
const TAKEN = new Set(["PortUnavailable", "ListenerConflict", "ProtocolConflict", "HostnameConflict", "Conflicted"]);
/** Reasons by which a route is refused for good; others pass, as when its ListenerSet is new. */
const REFUSED = new Set(["NotAllowedByListeners", "UnsupportedValue", "RefNotPermitted"]);
/** Reasons of a ListenerSet that pass. */
const PASSING = new Set(["Pending", "AddressNotAssigned", "AddressNotUsable", "NoResources"]);

/**
 * How far the implementation is, in its own words, which the conditions of the
 * Gateway API carry (GEP-1364, GEP-1713). DRIVER_REFUSED where it takes no port
 * whatever is waited for. Pure.
 */
export function judge(set: ListenerSetObject, routes: ReadonlyMap<Protocol, RouteObject>): Carried {
  const accepted = fresh(set, set.status?.conditions, "Accepted");
  const taken = takenOf(set);
  if (taken !== undefined) return taken;
  if (accepted === undefined) return pending("The Gateway's controller has not looked at the ListenerSet yet.");
  if (accepted.status !== "True") {
    if (PASSING.has(accepted.reason)) return pending(inWords("ListenerSet", accepted));
    throw new BerthError("DRIVER_REFUSED", inWords("ListenerSet", accepted));
  }
  const programmed = fresh(set, set.status?.conditions, "Programmed");
  if (programmed?.status !== "True") {
    return pending(programmed === undefined ? "It is not programmed yet." : inWords("ListenerSet", programmed));
  }
  for (const [protocol, route] of routes) {
    const verdict = judgeListener(set, protocol) ?? judgeRoute(set, route);
    if (verdict !== undefined) return verdict;
  }
  return { kind: "ready" };
}

function takenOf(set: ListenerSetObject): Carried | undefined {
  for (const { name, conditions = [] } of set.status?.listeners ?? []) {
    const clash = conditions.find(
      ({ type, status, reason }) =>
        (type === "Conflicted" && status === "True") ||
        (type === "Accepted" && status === "False" && TAKEN.has(reason)),
    );
    if (clash === undefined || isStale(set, clash)) continue;
    return { kind: "stranger", protocol: name === "udp" ? "udp" : "tcp", entry: inWords("listener", clash) };
  }
  return undefined;
}

function judgeListener(set: ListenerSetObject, protocol: Protocol): Carried | undefined {
  const listener = set.status?.listeners?.find(({ name }) => name === protocol);
  const failing = ["Accepted", "ResolvedRefs", "Programmed"]
    .map((type) => fresh(set, listener?.conditions, type))
    .find((condition) => condition !== undefined && condition.status !== "True");
  if (failing !== undefined) return pending(inWords(`${protocol} listener`, failing));
  const attached = listener?.attachedRoutes ?? 0;
  if (attached === 0) return pending(`No route is attached to the ${protocol} listener yet.`);
  // The API lets them be; whose bytes go where would be the implementation's choice.
  if (attached > 1)
    return pending(`${String(attached)} routes are attached to the ${protocol} listener: others are not Berth's.`);
  return undefined;
}

function judgeRoute(set: ListenerSetObject, route: RouteObject): Carried | undefined {
  const kind = route.kind ?? "route";
  const parent = route.status?.parents?.find(({ parentRef }) => parentRef.name === set.metadata.name);
  const accepted = fresh(route, parent?.conditions, "Accepted");
  if (accepted === undefined) return pending(`The Gateway's controller has not looked at the ${kind} yet.`);
  if (accepted.status !== "True" && REFUSED.has(accepted.reason)) {
    throw new BerthError("DRIVER_REFUSED", inWords(kind, accepted));
  }
  if (accepted.status !== "True") return pending(inWords(kind, accepted));
  const resolved = fresh(route, parent?.conditions, "ResolvedRefs");
  return resolved === undefined || resolved.status === "True" ? undefined : pending(inWords(kind, resolved));
}

/** A condition about the object as it is now. */
function fresh(object: KubeObject, conditions: readonly Condition[] = [], type: string): Condition | undefined {
  const found = conditions.find((condition) => condition.type === type);
  return found === undefined || isStale(object, found) ? undefined : found;
}

function isStale({ metadata }: KubeObject, { observedGeneration }: Condition): boolean {
  return observedGeneration !== undefined && observedGeneration < (metadata.generation ?? 0);
}

function inWords(what: string, { type, status, reason, message }: Condition): string {
  const words = message === undefined || message === "" ? "" : `: ${message}`;
  return `The ${what} is ${status === "True" ? type : `not ${type}`} (${reason})${words}`;
}

function pending(message: string): Carried {
  return { kind: "pending", message };
}
