import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** An HTTP proxy that passes tunnels (CONNECT, RFC 9110), and what went through it. */
export interface ConnectProxy extends AsyncDisposable {
  readonly url: string;
  /** Hosts and ports that tunnels were asked to. */
  readonly asked: readonly string[];
  /** Cuts what is open. */
  cut(): void;
  /** Cuts what is open and refuses what comes, until `mend`. */
  close(): void;
  mend(): void;
}

/** Starts a proxy on the loopback address. */
export async function startConnectProxy(): Promise<ConnectProxy> {
  const asked: string[] = [];
  const open = new Set<Socket>();
  let isClosed = false;
  const server = createServer((_request, response) => response.writeHead(405).end());
  server.on("connect", ({ url = "" }, client: Socket) => {
    asked.push(url);
    if (isClosed) return void client.destroy();
    const [host = "", port = "443"] = url.split(":");
    const upstream = connect(Number(port), host, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      client.pipe(upstream).pipe(client);
    });
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket
        .on("error", () => undefined)
        .on("close", () => {
          open.delete(socket);
          client.destroy();
          upstream.destroy();
        });
    }
  });
  const cut = () => open.forEach((socket) => socket.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    cut,
    close() {
      isClosed = true;
      cut();
    },
    mend: () => void (isClosed = false),
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, "close");
    },
  };
}
