import type http from "node:http";
import type { ServerHttp2Session } from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";

import { createServer } from "@httptoolkit/httpolyglot";

/** Limits of the port: milliseconds, bytes and counts. */
const LIMITS = {
  /** From a connection to its first request, and from a request's head to its end. */
  receive: 60_000,
  keepAlive: 30_000,
  headerBytes: 32 * 1024,
  connections: 10_000,
  streams: 250,
} as const;

/** HTTP/1.1 and HTTP/2 with prior knowledge on one cleartext port, with an end that comes. */
export interface Port {
  readonly server: Server;
  listen(port: number, host: string): Promise<AddressInfo>;
  /** Stops accepting, lets what runs end, and destroys what is left after `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
}

/** What the port knows of its connections. */
interface Traffic {
  readonly sockets: Set<Socket>;
  readonly sessions: Set<ServerHttp2Session>;
  /** Requests that run, by connection. */
  readonly running: Map<Socket, number>;
  /** Ends a connection that sends no request. */
  readonly silent: WeakMap<Socket, NodeJS.Timeout>;
  isClosing: boolean;
}

/** Opens a port over a request handler. */
export function createPort(handler: http.RequestListener, receiveMs: number = LIMITS.receive): Port {
  const server = createServer(
    {
      http: { keepAliveTimeout: LIMITS.keepAlive, maxHeaderSize: LIMITS.headerBytes },
      http2: { settings: { maxConcurrentStreams: LIMITS.streams } },
    },
    handler,
  ) as unknown as Server;
  server.maxConnections = LIMITS.connections;
  const traffic: Traffic = {
    sockets: new Set(),
    sessions: new Set(),
    running: new Map(),
    silent: new WeakMap(),
    isClosing: false,
  };
  watchConnections(server, traffic, receiveMs);
  watchRequests(server, traffic, receiveMs);
  return {
    server,
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => {
          server.off("error", reject);
          resolve(server.address() as AddressInfo);
        });
      }),
    close: (deadlineMs) => drain(server, traffic, deadlineMs),
  };
}

function watchConnections(server: Server, { sockets, sessions, silent }: Traffic, receiveMs: number): void {
  // The port hands its listeners on to the servers below it, so a connection is told twice.
  server.on("connection", (socket: Socket) => {
    if (sockets.has(socket)) return;
    sockets.add(socket);
    silent.set(
      socket,
      setTimeout(() => socket.destroy(), receiveMs),
    );
    socket.once("close", () => {
      clearTimeout(silent.get(socket));
      sockets.delete(socket);
    });
  });
  server.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    // The session's socket is a proxy that refuses most calls; what it wraps has spoken HTTP/2.
    for (const socket of sockets) if (socket.remotePort === session.socket.remotePort) clearTimeout(silent.get(socket));
    session.once("close", () => sessions.delete(session));
    session.on("error", () => undefined);
  });
}

function watchRequests(server: Server, traffic: Traffic, receiveMs: number): void {
  const { running, silent } = traffic;
  server.on("request", (request: http.IncomingMessage, response: http.ServerResponse) => {
    const { socket } = request;
    const isHttp1 = request.httpVersionMajor === 1;
    clearTimeout(silent.get(socket));
    running.set(socket, (running.get(socket) ?? 0) + 1);
    // A request without a body has no end to wait for, and its answer may take long.
    const slow = hasBody(request) ? setTimeout(() => request.destroy(), receiveMs) : undefined;
    request.once("end", () => clearTimeout(slow));
    response.once("close", () => {
      clearTimeout(slow);
      const left = (running.get(socket) ?? 1) - 1;
      if (left > 0) running.set(socket, left);
      else running.delete(socket);
      if (traffic.isClosing && isHttp1 && left <= 0) socket.end();
    });
  });
}

function hasBody({ headers }: http.IncomingMessage): boolean {
  const { "content-length": length, "content-type": type, "transfer-encoding": encoding } = headers;
  return type !== undefined || encoding !== undefined || Number(length ?? 0) > 0;
}

async function drain(server: Server, traffic: Traffic, deadlineMs: number): Promise<void> {
  const { sockets, sessions, running } = traffic;
  traffic.isClosing = true;
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  // GOAWAY: running streams go on to their end, new ones are refused.
  for (const session of sessions) session.close();
  const multiplexed = new Set([...sessions].map((session) => session.socket.remotePort));
  for (const socket of sockets) {
    if (!running.has(socket) && !multiplexed.has(socket.remotePort)) socket.destroy();
  }
  const deadline = setTimeout(() => {
    for (const session of sessions) session.destroy();
    for (const socket of sockets) socket.destroy();
  }, deadlineMs);
  await closed;
  clearTimeout(deadline);
}
