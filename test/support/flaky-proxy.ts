import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** A way to Berth that breaks when it is told to. */
export interface FlakyProxy extends AsyncDisposable {
  readonly url: string;
  /** Connections so far. */
  readonly connections: () => number;
  /** Cuts what is open. */
  cut(): void;
  /** Swallows the answers on the next so many connections: the request arrives, then the connection is cut. */
  swallow(connections: number): void;
}

/** Passes bytes to a URL's host and back. */
export async function startFlakyProxy(target: string): Promise<FlakyProxy> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let connections = 0;
  let swallowing = 0;
  const server = createServer((client) => {
    connections++;
    const isSwallowed = swallowing > 0;
    if (isSwallowed) swallowing--;
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    if (isSwallowed) upstream.once("data", () => client.destroy());
    else upstream.pipe(client);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => open.forEach((socket) => socket.destroy());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    cut,
    swallow: (count) => (swallowing = count),
    async [Symbol.asyncDispose]() {
      server.close();
      cut();
      await once(server, "close");
    },
  };
}
