import { BerthError } from "@berth/base";

import { releaseOf } from "./cache.ts";
import type { ExposureCache } from "./cache.ts";
import type { Protocol } from "./resource.ts";
import type { ServiceObject } from "./service.ts";

/** A port that can be exposed. */
export interface ReleasePort {
  readonly service: string;
  readonly port: number;
  /** tcp before udp. */
  readonly protocols: readonly Protocol[];
}

/** Every port of a release's services that can be exposed: TCP and UDP of one number together. SERVICE_NOT_FOUND where there is none. */
export function portsOfRelease(cache: ExposureCache, namespace: string, release: string): readonly ReleasePort[] {
  const own = cache.services.byIndex("namespace", namespace).filter((service) => releaseOf(service) === release);
  const ports = own.filter(isFit).flatMap(portsOf);
  if (ports.length > 0)
    return ports.sort((a, b) => (a.service === b.service ? a.port - b.port : a.service < b.service ? -1 : 1));
  const message = `Release "${release}" has no service with a port that can be exposed.`;
  throw new BerthError("SERVICE_NOT_FOUND", message, {
    field: "name",
    hint: "Services of Helm's say whose they are (meta.helm.sh/release-name); headless and ExternalName ones do not count.",
  });
}

function isFit({ spec }: ServiceObject): boolean {
  return spec.type !== "ExternalName" && spec.clusterIP !== "None";
}

function portsOf({ metadata, spec }: ServiceObject): ReleasePort[] {
  const byNumber = new Map<number, Set<string>>();
  for (const { port, protocol = "TCP" } of spec.ports ?? []) {
    byNumber.set(port, (byNumber.get(port) ?? new Set()).add(protocol));
  }
  return [...byNumber].flatMap(([port, spoken]) => {
    const protocols = (["tcp", "udp"] as const).filter((one) => spoken.has(one.toUpperCase()));
    return protocols.length === 0 ? [] : [{ service: metadata.name, port, protocols }];
  });
}
