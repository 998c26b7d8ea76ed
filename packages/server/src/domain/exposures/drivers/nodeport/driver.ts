import { BerthError, asBerthError } from "@berth/base";
import { applyObject, deleteObject, getObject, hasStatus, isNotFound, keyOf } from "@berth/kube";
import type { KubeClient, KubeObject, Resource } from "@berth/kube";

import type { ServiceObject } from "../../service.ts";
import { isOwn, ownMetadata, ownName } from "../owned.ts";
import type { AddressState, Carried, Driver, Entry, PortWish } from "../driver.ts";

const services: Resource = { group: "", version: "v1", plural: "services" };
const MANAGER = "berth-expose";

interface Node extends KubeObject {
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

/** What the driver is made of. */
export interface NodePortDriverParts {
  readonly client: KubeClient;
  /** All Services, from a cache. */
  readonly services: () => readonly ServiceObject[];
}

/**
 * The driver of node ports: a Service of type NodePort beside the one that is
 * exposed, with the same pods behind it, which belongs to the exposure.
 */
export function createNodePortDriver({ client, services: all }: NodePortDriverParts): Driver {
  const drop = (namespace: string, name: string) => deleteObject(client, { resource: services, namespace, name });
  return {
    name: "nodeport",
    capacity: undefined,
    protocolsOf: () => ["tcp", "udp"],
    describe: ({ protocols, backend }) =>
      `${protocols.join("+")} ${backend.targets.map(({ targetPort }) => String(targetPort)).join("+")} of ${labelsText(backend.selector)}`,
    // The Service's own controller keeps the rest as it was applied.
    isAsDescribed: () => true,
    async ensure(wish) {
      const { namespace, name } = wish.backend;
      if (Object.keys(wish.backend.selector).length === 0) {
        throw new BerthError("SERVICE_UNSUPPORTED", `The service "${name}" has no selector.`, {
          field: "service.name",
        });
      }
      const options = { fieldManager: MANAGER, force: true };
      const object = { resource: services, namespace, name: ownName(wish.exposure) };
      try {
        await applyObject(client, object, toService(wish), options);
        return { kind: "ready" };
      } catch (error) {
        return explain(error, wish);
      }
    },
    async remove({ exposure }) {
      await drop(exposure.namespace, ownName(exposure));
    },
    survey: (address) => survey(client, all(), address.spec.address),
    async drop(_address, { entry }) {
      const [namespace = "", name = ""] = entry.split("/");
      const found = await getObject<ServiceObject>(client, { resource: services, namespace, name });
      if (found !== undefined && isOwn(found)) await drop(namespace, name);
    },
  };
}

function toService({ exposure, port, backend }: PortWish) {
  return {
    ...{ apiVersion: "v1", kind: "Service" },
    metadata: ownMetadata(exposure),
    spec: {
      ...{ type: "NodePort", selector: backend.selector },
      ports: backend.targets.map(({ protocol, targetPort }) => ({
        ...{ name: protocol, protocol: protocol.toUpperCase(), port: backend.port, nodePort: port, targetPort },
      })),
    },
  };
}

/** The API server's refusal of a node port: somebody has it, or it is none. */
function explain(error: unknown, { port, protocols, backend }: PortWish): Carried {
  const ours = asBerthError(error);
  if (hasStatus(ours, 422) && /already allocated/.test(ours.message)) {
    return { kind: "stranger", protocol: protocols[0] ?? "tcp", entry: `node port ${String(port)} of another service` };
  }
  if (hasStatus(ours, 422) || isNotFound(ours)) {
    throw new BerthError("DRIVER_REFUSED", `${backend.namespace}/${backend.name}: ${ours.message}`, { cause: ours });
  }
  throw ours;
}

async function survey(
  client: KubeClient,
  all: readonly ServiceObject[],
  address: string | undefined,
): Promise<AddressState> {
  const entries = all.flatMap((service) =>
    (service.spec.ports ?? []).flatMap((one): Entry[] => {
      if (one.nodePort === undefined || one.nodePort === 0) return [];
      const protocol = one.protocol === "UDP" ? "udp" : "tcp";
      return [{ protocol, port: one.nodePort, entry: keyOf(service), isOurs: isOwn(service) }];
    }),
  );
  return { address: address ?? (await nodeAddress(client)), entries };
}

/** The address of some node; every node has every node port. */
async function nodeAddress(client: KubeClient): Promise<string> {
  const { items } = await client.request<{ items: readonly Node[] }>({ path: "/api/v1/nodes", query: { limit: "50" } });
  const known = items.flatMap(({ status }) => status?.addresses ?? []);
  const of = (type: string) => known.find((one) => one.type === type)?.address;
  return of("ExternalIP") ?? of("InternalIP") ?? "";
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",");
}
