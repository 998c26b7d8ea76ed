import { BerthError } from "@berth/base";
import type { Clock } from "@berth/base";
import type { KubeClient } from "@berth/kube";

import type { AddressObject, AddressSpec, Protocol } from "../../resource.ts";
import type { ServiceObject } from "../../service.ts";
import type { AddressState, Driver, Entry, PortRemoval, PortWish } from "../driver.ts";
import { createBatch } from "./batch.ts";
import type { Edit, EditResult } from "./entries.ts";
import { editConfigMap, editServicePorts, readEntries } from "./write.ts";
import type { Guarded, PortEdit } from "./write.ts";

/** Ports of one address where it does not say: a ConfigMap holds 1 MiB, which are so many entries of 104 bytes. */
const CAPACITY = 10_000;

/** What the driver is made of. */
export interface ConfigMapDriverParts {
  readonly client: KubeClient;
  /** A Service by `namespace/name`, from a cache. */
  readonly service: (key: string) => ServiceObject | undefined;
  readonly clock: Clock;
}

/**
 * The driver of ingress controllers that read their TCP and UDP services from
 * ConfigMaps: `"20000": namespace/service:port`. Our keys are named in an
 * annotation of the same object, so that both change in one write.
 */
export function createConfigMapDriver(parts: ConfigMapDriverParts): Driver {
  const maps = createBatch<Edit & Guarded, EditResult>((key, edits) => editConfigMap(parts, key, edits));
  const ports = createBatch<PortEdit & Guarded, object>((key, edits) => editServicePorts(parts, key, edits));
  const open = async (address: AddressObject, edit: PortEdit & Guarded) => {
    const { namespace, service } = settingsOf(address);
    if (service !== undefined) await ports.add(`${namespace}/${service}`, edit);
  };
  const valueOf = ({ backend }: PortWish) => `${backend.namespace}/${backend.name}:${String(backend.port)}`;
  const takeOff = async (address: AddressObject, protocol: Protocol, edit: Edit & Guarded) => {
    const key = mapOf(address, protocol);
    if (key === undefined) return;
    const { port, isStillOurs } = edit;
    const { isLost } = await maps.add(key, edit);
    if (isLost !== true) await open(address, { kind: "unset", protocol, port, isStillOurs });
  };
  return {
    name: "configmap",
    capacity: CAPACITY,
    protocolsOf: (address) => (settingsOf(address).udp === undefined ? ["tcp"] : ["tcp", "udp"]),
    describe: (wish) => `${wish.protocols.join("+")} ${valueOf(wish)}`,
    isAsDescribed: ({ entry }, description) => description.endsWith(` ${entry}`),
    async ensure(wish) {
      const { address, port, protocols, isStillOurs } = wish;
      for (const protocol of protocols) {
        const key = mapOf(address, protocol);
        if (key === undefined) throw withoutUdp(address);
        const edit = { kind: "set", port, value: valueOf(wish), isStillOurs } as const;
        const { stranger, isLost } = await maps.add(key, edit);
        if (isLost === true) return { kind: "pending", message: `Port ${String(port)} is somebody else's by now.` };
        if (stranger !== undefined) return { kind: "stranger", protocol, entry: stranger };
        await open(address, { kind: "set", protocol, port, isStillOurs });
      }
      return { kind: "ready" };
    },
    async remove({ address, port, protocols, isStillOurs }: PortRemoval) {
      for (const protocol of protocols) await takeOff(address, protocol, { kind: "unset", port, isStillOurs });
    },
    survey: (address) => survey(parts, address),
    drop: (address, { protocol, port, entry }) => takeOff(address, protocol, { kind: "unset", port, value: entry }),
  };
}

async function survey({ client, service }: ConfigMapDriverParts, address: AddressObject): Promise<AddressState> {
  const { namespace, service: name } = settingsOf(address);
  const found: Entry[] = [];
  for (const protocol of ["tcp", "udp"] as const) {
    const key = mapOf(address, protocol);
    const entries = key === undefined ? undefined : await readEntries(client, key);
    for (const [port, entry] of Object.entries(entries?.data ?? {})) {
      if (!/^\d{1,5}$/.test(port)) continue;
      found.push({ protocol, port: Number(port), entry, isOurs: entries?.ours.has(Number(port)) === true });
    }
  }
  const [ingress] = service(`${namespace}/${name ?? ""}`)?.status?.loadBalancer?.ingress ?? [];
  return { address: ingress?.ip ?? ingress?.hostname ?? "", entries: found };
}

function settingsOf({ metadata, spec }: AddressObject): NonNullable<AddressSpec["configmap"]> {
  if (spec.configmap !== undefined) return spec.configmap;
  throw new BerthError("ADDRESS_INVALID", `The address "${metadata.name}" says nothing of ConfigMaps.`);
}

function mapOf(address: AddressObject, protocol: Protocol): string | undefined {
  const { namespace, tcp, udp } = settingsOf(address);
  const name = protocol === "tcp" ? tcp : udp;
  return name === undefined ? undefined : `${namespace}/${name}`;
}

function withoutUdp({ metadata }: AddressObject): BerthError {
  return new BerthError(
    "DRIVER_REFUSED",
    `The address "${metadata.name}" carries no UDP: it names no ConfigMap for it.`,
  );
}
