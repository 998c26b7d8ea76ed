import { BerthError } from "@berth/base";
import type { KubeObject } from "@berth/kube";

import { protocolsOf } from "./resource.ts";
import type { ExposureSpec, Protocol } from "./resource.ts";

/** A Service, as far as exposing one needs it. */
export interface ServiceObject extends KubeObject {
  readonly spec: {
    readonly type?: string;
    readonly clusterIP?: string;
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly ServicePort[];
  };
  readonly status?: {
    readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] };
  };
}

/** A port of a Service. */
export interface ServicePort {
  readonly name?: string;
  readonly protocol?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly nodePort?: number;
}

/** What is behind an exposure. */
export interface Backend {
  readonly namespace: string;
  readonly name: string;
  /** Port of the Service. */
  readonly port: number;
  readonly selector: Readonly<Record<string, string>>;
  /** Where each protocol's port leads to in the pods. */
  readonly targets: readonly { readonly protocol: Protocol; readonly targetPort: number | string }[];
  /** Whether TCP and UDP of the port's number lead to different ports of the pods. */
  readonly isSplit: boolean;
}

/** What an exposure leads to; throws where the Service is missing or not fit. Pure. */
export function backendOf(
  spec: ExposureSpec,
  place: { readonly namespace: string },
  service: ServiceObject | undefined,
): Backend {
  const { name, port: wanted } = spec.service;
  const { namespace } = place;
  if (service === undefined) {
    throw new BerthError("SERVICE_NOT_FOUND", `There is no service "${name}" in namespace "${namespace}".`, {
      field: "service.name",
    });
  }
  refuseOdd(service);
  const { ports = [], selector = {} } = service.spec;
  const number = typeof wanted === "number" || /^\d+$/.test(wanted) ? Number(wanted) : undefined;
  const port = number ?? ports.find((one) => one.name === wanted)?.port;
  const targets = protocolsOf(spec).map((protocol) => {
    const found = ports.find((one) => one.port === port && (one.protocol ?? "TCP") === protocol.toUpperCase());
    if (found === undefined) throw withoutPort(service, String(wanted), protocol);
    return { protocol, targetPort: found.targetPort ?? found.port };
  });
  const reached = ports.filter((one) => one.port === port).map((one) => String(one.targetPort ?? one.port));
  return { namespace, name, port: port ?? 0, selector, targets, isSplit: new Set(reached).size > 1 };
}

function refuseOdd({ metadata, spec }: ServiceObject): void {
  const odd =
    spec.type === "ExternalName" ? "is an ExternalName" : spec.clusterIP === "None" ? "is headless" : undefined;
  if (odd === undefined) return;
  throw new BerthError("SERVICE_UNSUPPORTED", `The service "${metadata.name}" ${odd}.`, { field: "service.name" });
}

function withoutPort({ metadata, spec }: ServiceObject, wanted: string, protocol: Protocol): BerthError {
  const has = (spec.ports ?? []).map(
    (one) => `${one.name === undefined ? "" : `${one.name} `}${String(one.port)}/${one.protocol ?? "TCP"}`,
  );
  const message = `The service "${metadata.name}" has no ${protocol.toUpperCase()} port ${wanted}; it has ${has.join(", ") || "none"}.`;
  return new BerthError("SERVICE_PORT_NOT_FOUND", message, { field: "service.port" });
}
