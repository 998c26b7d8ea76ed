import { lookup } from "node:dns/promises";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { BlockList, connect } from "node:net";
import type { Server } from "node:net";
import type { Duplex } from "node:stream";

/** Loopback addresses, and those where clouds keep a machine's credentials. */
const own = new BlockList();
own.addSubnet("0.0.0.0", 8);
own.addSubnet("127.0.0.0", 8);
own.addSubnet("169.254.0.0", 16);
own.addAddress("::", "ipv6");
own.addAddress("::1", "ipv6");
own.addSubnet("fe80::", 10, "ipv6");

/**
 * Serves a socket of a world as an HTTP proxy that only makes tunnels (CONNECT, RFC 9110 section 9.3.6): what asks it
 * from within the world reaches what this machine reaches, but not what listens for this machine alone. Names are looked up here.
 */
export function serveOutlet(server: Server): void {
  const proxy = createServer((_request, response) => response.writeHead(405, { allow: "CONNECT" }).end());
  proxy.on("connect", (request: IncomingMessage, inside: Duplex, head: Buffer) => {
    inside.on("error", () => undefined);
    tunnel(request.url ?? "", inside, head).catch(() => refuse(inside, 502, "Bad Gateway"));
  });
  server.on("connection", (socket) => proxy.emit("connection", socket));
}

async function tunnel(authority: string, inside: Duplex, head: Buffer): Promise<void> {
  const target = new URL(`tcp://${authority}`);
  const { address, family } = await lookup(target.hostname.replace(/^\[(.*)\]$/, "$1"));
  if (own.check(address, family === 6 ? "ipv6" : "ipv4")) return refuse(inside, 403, "Forbidden");
  const outside = connect({ host: address, port: Number(target.port), noDelay: true });
  outside.once("connect", () => {
    inside.write("HTTP/1.1 200 Connection established\r\n\r\n");
    outside.write(head);
    outside.pipe(inside).pipe(outside);
  });
  outside.on("error", () => (outside.connecting ? refuse(inside, 502, "Bad Gateway") : inside.destroy()));
  inside.on("close", () => outside.destroy());
  outside.on("close", () => inside.end());
}

function refuse(inside: Duplex, status: number, words: string): void {
  inside.end(`HTTP/1.1 ${status} ${words}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
}
