import { Server as HttpServer } from "node:http";
import type http from "node:http";
import type { ServerHttp2Session } from "node:http2";
import { createServer as createListener, Socket as NetSocket } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { Server as TlsServer } from "node:tls";

import { createServer } from "@httptoolkit/httpolyglot";

/** Limits of the port: milliseconds, bytes and counts. */
export interface PortLimits {
  /** From a connection to its first request, and from a request's head to its end. */
  readonly receiveMs: number;
  /** A connection of HTTP/1.1 between two requests. */
  readonly keepAliveMs: number;
  /** A connection of HTTP/2 on which nothing is sent; gRPC's clients keep theirs open. */
  readonly idleSessionMs: number;
  readonly headerBytes: number;
  /** At a time, of each address that is listened on. */
  readonly connections: number;
  /** At a time, of one connection of HTTP/2. */
  readonly streams: number;
}

/** What holds where nothing else is set. */
export const DEFAULT_LIMITS: PortLimits = {
  receiveMs: 60_000,
  keepAliveMs: 30_000,
  idleSessionMs: 600_000,
  headerBytes: 32 * 1024,
  connections: 10_000,
  streams: 250,
};

/** HTTP/1.1 and HTTP/2 on one port, cleartext or over TLS, with an end that comes. */
export interface Port {
  readonly server: Server;
  /** Where it listens already, it listens there too. */
  listen(port: number, host: string): Promise<AddressInfo>;
  /** Stops accepting, lets what runs end, and destroys what is left after `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
}

/** What a port is opened with. */
export interface PortOptions {
  readonly limits?: PortLimits | undefined;
  /** Terminates TLS; connections without it are refused then. */
  readonly tls?: TlsServer | undefined;
}

/** What the port knows of its connections. */
interface Traffic {
  /** All that are open; of one with TLS both what is on the wire and what is inside. */
  readonly sockets: Set<Socket>;
  /** Those that have sent nothing that would tell what they speak. */
  readonly mute: Set<Socket>;
  /** Those that speak HTTP/1.1: they are idle between two requests. */
  readonly http1: Set<Socket>;
  readonly sessions: Set<ServerHttp2Session>;
  /** Requests that run, by connection of HTTP/1.1. */
  readonly running: Map<Socket, number>;
  /** Ends a connection that sends no request. */
  readonly silent: WeakMap<Socket, NodeJS.Timeout>;
  isClosing: boolean;
}

/** Opens a port over a request handler. */
export function createPort(handler: http.RequestListener, options: PortOptions = {}): Port {
  const { limits = DEFAULT_LIMITS, tls } = options;
  const server = createServer(
    {
      http: { keepAliveTimeout: limits.keepAliveMs, maxHeaderSize: limits.headerBytes },
      http2: { settings: { maxConcurrentStreams: limits.streams, maxHeaderListSize: limits.headerBytes } },
      ...(tls === undefined ? {} : { tls }),
    },
    (request, response) => {
      if (request.httpVersionMajor === 1 || sizeOf(request) <= limits.headerBytes) handler(request, response);
      else response.writeHead(431).end();
    },
  ) as unknown as Server;
  server.maxConnections = limits.connections;
  const traffic: Traffic = {
    sockets: new Set(),
    mute: new Set(),
    http1: new Set(),
    sessions: new Set(),
    running: new Map(),
    silent: new WeakMap(),
    isClosing: false,
  };
  watchConnections(server, traffic, limits, tls);
  watchRequests(server, traffic, limits.receiveMs);
  const listeners: Server[] = [];
  return {
    server,
    async listen(port, host) {
      const listener = listeners.length === 0 ? server : createDoor(server);
      listeners.push(listener);
      return listenOn(listener, port, host);
    },
    close: (deadlineMs) => drain(listeners, traffic, deadlineMs),
  };
}

/** Another way in: whoever comes by it is the server's as if he had come by its own. */
function createDoor(server: Server): Server {
  const door = createListener((socket) => void server.emit("connection", socket));
  door.maxConnections = server.maxConnections;
  return door;
}

function listenOn(listener: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(port, host, () => {
      listener.off("error", reject);
      resolve(listener.address() as AddressInfo);
    });
  });
}

/** The socket that a request has come by: HTTP/2 on a port that is shared is read through another stream. */
export function socketOf(request: http.IncomingMessage): Socket {
  const { socket } = request;
  const { stream } = socket as { stream?: unknown };
  return stream instanceof NetSocket ? stream : socket;
}

function watchConnections(server: Server, traffic: Traffic, limits: PortLimits, tls: TlsServer | undefined): void {
  const { sockets, mute, http1, sessions, silent } = traffic;
  const add = (socket: Socket) => {
    if (sockets.has(socket)) return;
    sockets.add(socket);
    // As Node's own HTTP servers do: an answer of several small frames would wait 40 ms for the reader's ACK.
    socket.setNoDelay(true);
    silent.set(
      socket,
      setTimeout(() => socket.destroy(), limits.receiveMs),
    );
    socket.once("close", () => {
      clearTimeout(silent.get(socket));
      sockets.delete(socket);
      mute.delete(socket);
      http1.delete(socket);
    });
  };
  // The port hands its listeners on to the servers below it: a connection is told by the port that accepts it, then by
  // whichever server it turns out to be for.
  server.on("connection", function (this: unknown, socket: Socket) {
    if (this === server) {
      mute.add(socket);
      return add(socket);
    }
    mute.delete(socket);
    // TLS has a limit for its handshake; what is inside is a connection of its own.
    if (this instanceof TlsServer) return clearTimeout(silent.get(socket));
    if (tls !== undefined && !("encrypted" in socket)) return void socket.destroy();
    add(socket);
    if (this instanceof HttpServer) http1.add(socket);
    // What has spoken HTTP/2 is not silent; its session has a limit of its own.
    else clearTimeout(silent.get(socket));
  });
  // Before the port looks what is inside: without ALPN that is not known until the client has spoken.
  tls?.prependListener("secureConnection", (socket) => {
    mute.add(socket);
    add(socket);
  });
  server.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.setTimeout(limits.idleSessionMs, () => session.close());
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
    if (isHttp1) running.set(socket, (running.get(socket) ?? 0) + 1);
    // A request without a body has no end to wait for, and its answer may take long.
    const slow = hasBody(request) ? setTimeout(() => request.destroy(), receiveMs) : undefined;
    request.once("end", () => clearTimeout(slow));
    response.once("close", () => {
      clearTimeout(slow);
      if (!isHttp1) return;
      const left = (running.get(socket) ?? 1) - 1;
      if (left > 0) running.set(socket, left);
      else running.delete(socket);
      if (traffic.isClosing && left <= 0) socket.end();
    });
  });
}

/** Bytes of a request's headers as HTTP/2 counts them: what is announced to clients Node does not hold them to. */
function sizeOf({ rawHeaders }: http.IncomingMessage): number {
  return rawHeaders.reduce((sum, one) => sum + Buffer.byteLength(one) + 16, 0);
}

function hasBody({ headers, url }: http.IncomingMessage): boolean {
  const { "content-length": length, "content-type": type, "transfer-encoding": encoding } = headers;
  // The one service whose callers stream, as long as they like.
  if (url?.startsWith("/grpc.reflection.") === true) return false;
  return type !== undefined || encoding !== undefined || Number(length ?? 0) > 0;
}

async function drain(listeners: readonly Server[], traffic: Traffic, deadlineMs: number): Promise<void> {
  const { sockets, mute, http1, sessions, running } = traffic;
  traffic.isClosing = true;
  const closed = Promise.all(
    listeners.map((listener) => new Promise<void>((resolve) => void listener.close(() => resolve()))),
  );
  // GOAWAY: running streams go on to their end, new ones are refused.
  for (const session of sessions) session.close();
  for (const socket of [...mute, ...http1]) if (!running.has(socket)) socket.destroy();
  const deadline = setTimeout(() => {
    for (const session of sessions) session.destroy();
    for (const socket of sockets) socket.destroy();
  }, deadlineMs);
  await closed;
  clearTimeout(deadline);
}
