import { silentLogger, systemClock } from "@berth/base";
import type { Progress, RealNode } from "@berth/devcluster";
import { createInformer } from "@berth/kube";
import type { KubeClient, KubeObject } from "@berth/kube";

import { DEFAULT_POOL } from "./default-pool.ts";

type Door = Awaited<ReturnType<RealNode["forward"]>>;
type Protocol = "tcp" | "udp";

interface Exposure extends KubeObject {
  readonly spec: { readonly pool?: string; readonly protocols?: readonly string[]; readonly service: { name: string } };
  readonly status?: {
    readonly port?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** What leads from this machine to exposed ports. */
export interface ExposedPorts {
  stop(): Promise<void>;
}

/**
 * Opens each port that is exposed on the default pool on this machine's loopback
 * address as well, and closes it with the exposure: the address that callers are
 * told is 127.0.0.1.
 */
export function openExposedPorts(
  client: KubeClient,
  node: RealNode,
  host: string,
  progress: Pick<Progress, "say">,
): ExposedPorts {
  const doors = new Map<string, Promise<Door | undefined>>();
  const open = async (exposure: Exposure, port: number, protocol: Protocol): Promise<Door | undefined> => {
    const place = `127.0.0.1:${String(port)} (${protocol})`;
    try {
      const door = await node.forward({ host, port }, { port, protocol });
      progress.say(`${place} leads to service ${exposure.metadata.namespace ?? ""}/${exposure.spec.service.name}.`);
      return door;
    } catch (error) {
      progress.say(`${place} cannot be opened: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  };
  const close = async (place: string) => {
    const door = doors.get(place);
    doors.delete(place);
    await (await door)?.[Symbol.asyncDispose]();
  };
  const informer = createInformer<Exposure>({
    ...{ client, log: silentLogger, clock: systemClock },
    resource: { group: "berth.dev", version: "v1alpha1", plural: "exposures" },
    transform: (object) => object as Exposure,
  });
  informer.onChange((change) => {
    const before = change.type === "added" ? [] : placesOf(change.previous);
    const now = change.type === "deleted" ? [] : placesOf(change.object);
    for (const { place } of before) if (!now.some((one) => one.place === place)) void close(place);
    if (change.type === "deleted") return;
    for (const { place, port, protocol } of now) {
      if (!doors.has(place)) doors.set(place, open(change.object, port, protocol));
    }
  });
  informer.start();
  return {
    async stop() {
      await informer.stop();
      await Promise.all([...doors.keys()].map(close));
    },
  };
}

/** The ports on which an exposure of the default pool is reached. */
function placesOf({ metadata, spec, status }: Exposure): { place: string; port: number; protocol: Protocol }[] {
  const isReady = status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") === true;
  const { port } = status ?? {};
  if (!isReady || port === undefined || metadata.deletionTimestamp !== undefined) return [];
  if ((spec.pool ?? DEFAULT_POOL) !== DEFAULT_POOL) return [];
  return (spec.protocols ?? ["TCP"]).map((name) => {
    const protocol: Protocol = name === "UDP" ? "udp" : "tcp";
    return { place: `${protocol} ${String(port)}`, port, protocol };
  });
}
