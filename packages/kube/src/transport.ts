import { Agent, ProxyAgent } from "undici";
import type { Dispatcher } from "undici";

import type { ClusterConnection } from "./connection.ts";

/** Requests at once; more wait. Watches are not among them. */
const CONNECTIONS = 64;
/** Milliseconds for TCP and TLS. */
const CONNECT = 10_000;
/** Milliseconds an idle connection is kept: a handshake costs more than an idle socket. */
const IDLE = 30_000;

/** Connections to one API server: streams have their own, so that they never keep a request waiting. */
export interface Transport {
  readonly requests: Dispatcher;
  readonly streams: Dispatcher;
  /** Breaks all connections, but not those whose handshake is under way: undici leaves them to their time-out. */
  close(): Promise<void>;
}

/**
 * Makes a transport. HTTP/1.1, one connection per request at once: the API
 * server allows 100 streams on one of HTTP/2.
 */
export function createTransport(connection: ClusterConnection): Transport {
  const requests = createDispatcher(connection, CONNECTIONS);
  const streams = createDispatcher(connection, null);
  return {
    requests,
    streams,
    close: async () => void (await Promise.all([requests.destroy(), streams.destroy()])),
  };
}

function createDispatcher(connection: ClusterConnection, connections: number | null): Dispatcher {
  const { proxyUrl, insecureSkipTlsVerify } = connection;
  const tls = {
    ...defined("ca", connection.certificateAuthority),
    ...defined("cert", connection.clientCertificate),
    ...defined("key", connection.clientKey),
    ...defined("servername", connection.tlsServerName),
    rejectUnauthorized: insecureSkipTlsVerify !== true,
    timeout: CONNECT,
  };
  const shared = { connections, keepAliveTimeout: IDLE, allowH2: false };
  return proxyUrl === undefined || proxyUrl === ""
    ? new Agent({ ...shared, connect: tls })
    : new ProxyAgent({ ...shared, uri: proxyUrl, requestTls: tls });
}

function defined(key: string, value: string | undefined): Record<string, string> {
  return value === undefined || value === "" ? {} : { [key]: value };
}
