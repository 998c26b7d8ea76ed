/** The inner side of a door: serves sockets that were made outside, by connections inside. It ends with its parent. */
import { createSocket } from "node:dgram";
import type { RemoteInfo, Socket as UdpSocket } from "node:dgram";
import { connect, Server } from "node:net";
import type { Socket } from "node:net";

import type { DoorOrder, Target } from "./protocol.ts";

/** A UDP conversation that is silent for a minute is over. */
const SILENCE = 60_000;

const open = new Map<number, () => void>();

process.on("message", (order: DoorOrder, socket: Server | UdpSocket | undefined) => {
  if (order.verb === "close") {
    open.get(order.id)?.();
    open.delete(order.id);
  } else if (order.verb === "listen") {
    const server = new Server().listen(order.at.port, order.at.host);
    // Whoever is outside shall be the only one that serves it.
    server.once("listening", () => process.send?.({ id: order.id }, server, {}, () => server.close()));
    return;
  } else if (socket !== undefined) {
    open.set(order.id, socket instanceof Server ? serve(socket, order.to) : answer(socket, order.to));
  }
  process.send?.({ id: order.id });
});
process.once("disconnect", () => process.exit(0));
for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);

function serve(server: Server, to: Target): () => void {
  const connections = new Set<Socket>();
  // One side may have said all it wants while the other still speaks.
  Object.assign(server, { allowHalfOpen: true });
  server.on("connection", (outside) => {
    const inside = connect({ ...to, allowHalfOpen: true, noDelay: true });
    outside.setNoDelay(true);
    for (const [from, other] of [
      [outside, inside],
      [inside, outside],
    ] as const) {
      connections.add(from);
      from.on("error", () => other.resetAndDestroy());
      from.on("close", () => connections.delete(from));
      from.pipe(other);
    }
  });
  return () => {
    server.close();
    for (const connection of connections) connection.destroy();
  };
}

function answer(server: UdpSocket, to: Target): () => void {
  const conversations = new Map<string, { socket: UdpSocket; timer: NodeJS.Timeout }>();
  const begin = (key: string, { address, port }: RemoteInfo) => {
    const socket = createSocket("udp4");
    const end = () => {
      conversations.delete(key);
      socket.close();
    };
    socket.on("message", (message) => server.send(message, port, address));
    socket.on("error", () => undefined);
    const conversation = { socket, timer: setTimeout(end, SILENCE) };
    conversations.set(key, conversation);
    return conversation;
  };
  server.on("message", (message, from) => {
    const key = `${from.address}:${from.port}`;
    const { socket, timer } = conversations.get(key) ?? begin(key, from);
    timer.refresh();
    socket.send(message, to.port, to.host);
  });
  return () => {
    server.close();
    for (const { socket, timer } of conversations.values()) {
      clearTimeout(timer);
      socket.close();
    }
  };
}
