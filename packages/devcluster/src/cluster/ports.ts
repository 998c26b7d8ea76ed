import { createServer } from "node:net";
import type { Server } from "node:net";
import { join } from "node:path";

import { readIfThere, writeOwn } from "../files.ts";

/** Loopback ports of a cluster. */
export interface Ports {
  readonly etcd: number;
  readonly etcdPeer: number;
  readonly apiserver: number;
  /** KWOK's, which answers for the kubelets of simulated nodes. */
  readonly kubelet: number;
}

/** Gives the ports a data directory had before where they are still free, so that kubeconfigs stay true; others else. */
export async function choosePorts(directory: string): Promise<Ports> {
  const file = join(directory, "ports.json");
  const kept = await readIfThere(file);
  const before = kept === undefined ? undefined : (JSON.parse(kept) as Partial<Ports>);
  // All are held at once, so that no two are the same.
  const held: Server[] = [];
  try {
    const take = async (wanted = 0) => {
      const server = (await hold(wanted)) ?? (await hold(0));
      if (server === undefined) throw new Error("This machine has no free loopback port.");
      held.push(server);
      return (server.address() as { port: number }).port;
    };
    const ports: Ports = {
      etcd: await take(before?.etcd),
      etcdPeer: await take(before?.etcdPeer),
      apiserver: await take(before?.apiserver),
      kubelet: await take(before?.kubelet),
    };
    await writeOwn(file, JSON.stringify(ports));
    return ports;
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

function hold(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
