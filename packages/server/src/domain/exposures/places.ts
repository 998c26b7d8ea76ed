import type { AddressObject, AddressSpec, DriverName } from "./resource.ts";

/** The driver whose settings an address has. */
export function driverOf({ configmap, gateway }: AddressSpec): DriverName {
  if (configmap !== undefined) return "configmap";
  return gateway === undefined ? "nodeport" : "gateway";
}

/** What an address stands for; two that share one of these are the same place. */
function placesOf({ spec }: AddressObject): readonly string[] {
  const { configmap, gateway, address } = spec;
  const places: string[] = [];
  if (configmap !== undefined) places.push(`ConfigMap ${configmap.namespace}/${configmap.tcp}`);
  else if (gateway !== undefined) places.push(`Gateway ${gateway.namespace}/${gateway.name}`);
  else places.push("the node ports of the cluster");
  if (configmap?.udp !== undefined) places.push(`ConfigMap ${configmap.namespace}/${configmap.udp}`);
  if (address !== undefined) places.push(`address ${address.toLowerCase()}`);
  return places;
}

/** An address that came too late for its place. */
export interface Duplicate {
  readonly place: string;
  /** Who has it. */
  readonly owner: AddressObject;
}

/**
 * The addresses whose place another one has, by name. The one that was made
 * first has it; of two made in the same second, the one whose name comes first.
 * Pure.
 */
export function duplicatesIn(all: readonly AddressObject[]): ReadonlyMap<string, Duplicate> {
  const owners = new Map<string, AddressObject>();
  const duplicates = new Map<string, Duplicate>();
  for (const address of [...all].sort(byAge)) {
    const places = placesOf(address);
    const taken = places.find((place) => owners.has(place));
    if (taken === undefined) places.forEach((place) => owners.set(place, address));
    else duplicates.set(address.metadata.name, { place: taken, owner: owners.get(taken) as AddressObject });
  }
  return duplicates;
}

function byAge(a: AddressObject, b: AddressObject): number {
  const [first, second] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp ?? ""} ${metadata.name}`) as [
    string,
    string,
  ];
  return first < second ? -1 : 1;
}
