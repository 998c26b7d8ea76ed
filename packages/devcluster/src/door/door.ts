import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { join } from "node:path";

import type { DoorOrder, DoorReport, Target } from "./protocol.ts";

const LOOPBACK = "127.0.0.1";

/** A port of this machine's loopback address behind which something of a world answers. */
export interface Forward extends AsyncDisposable {
  readonly port: number;
  close(): Promise<void>;
}

/** What is to be forwarded. */
export interface ForwardOptions {
  readonly protocol?: "tcp" | "udp";
  /** Port to listen on; any free one unless given. */
  readonly port?: number;
}

/** The way from this machine's loopback address into a world, whose network is otherwise its own. */
export interface Door {
  forward(to: Target, options?: ForwardOptions): Promise<Forward>;
  /** Listens inside for connections that this process serves. */
  listen(at: Target): Promise<Server>;
  close(): Promise<void>;
}

/**
 * Opens a door. A socket keeps the network it was made in wherever it goes: ours are made here and given to a process
 * inside, which accepts connections from here and makes its own there. It ends with the world and with us.
 */
export function openDoor(holder: number): Door {
  const space = `/proc/${holder}/ns`;
  // The mounts as well: its resolv.conf knows the names of Services.
  const spaces = [`--net=${space}/net`, `--mount=${space}/mnt`, `--pid=${space}/pid_for_children`];
  const child = spawn("nsenter", [...spaces, "--", process.execPath, join(import.meta.dirname, "main.ts")], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    // Ctrl-C is for us alone: what we still want to say goes through here.
    detached: true,
  });
  const waiting = new Map<number, { resolve(socket?: Server): void; reject(error: Error): void }>();
  const fail = (why: string) => {
    for (const { reject } of waiting.values()) reject(new Error(why));
    waiting.clear();
  };
  child.on("message", ({ id }: DoorReport, socket?: Server) => {
    waiting.get(id)?.resolve(socket);
    waiting.delete(id);
  });
  child.once("error", (error) => fail(error.message));
  child.once("exit", () => fail("The door into the world is closed."));
  const order = (work: DoorOrder, socket?: Server | UdpSocket) =>
    new Promise<Server | undefined>((resolve, reject) => {
      waiting.set(work.id, { resolve, reject });
      send(child, work, socket, reject);
    });
  let last = 0;
  return {
    async forward(to, { protocol = "tcp", port = 0 } = {}) {
      const id = ++last;
      const socket = await listen(protocol, port);
      const { port: actual } = socket.address() as { port: number };
      // Both of us hold the socket once it is sent; whoever is inside shall be the only one that serves it.
      await order({ verb: "open", id, to }, socket).finally(() => socket.close());
      const close = async () => {
        await order({ verb: "close", id });
      };
      return { port: actual, close, [Symbol.asyncDispose]: close };
    },
    async listen(at) {
      const server = await order({ verb: "listen", id: ++last, at });
      if (server === undefined) throw new Error("The door gave no socket.");
      return server;
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

async function listen(protocol: "tcp" | "udp", port: number): Promise<Server | UdpSocket> {
  const socket = protocol === "tcp" ? createServer({ pauseOnConnect: true }) : createSocket("udp4");
  if ("bind" in socket) socket.bind(port, LOOPBACK);
  else socket.listen(port, LOOPBACK);
  await once(socket, "listening");
  return socket;
}

function send(
  child: ChildProcess,
  order: DoorOrder,
  socket: Server | UdpSocket | undefined,
  onError: (error: Error) => void,
): void {
  // Node's types know servers and connections only; its documentation knows UDP sockets too.
  child.send(order, socket as Server | undefined, {}, (error) => {
    if (error !== null) onError(error);
  });
}
