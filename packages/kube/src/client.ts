import { BerthError } from "@berth/base";
import type { Clock, Logger } from "@berth/base";
import { Agent, ProxyAgent, request as send } from "undici";
import type { Dispatcher } from "undici";

import type { ClusterConnection } from "./connection.ts";
import { fromNetwork, fromStatus } from "./errors.ts";
import type { KubeStatus } from "./errors.ts";

/** Milliseconds for a request that is no watch. */
const REQUEST_LIMIT = 30_000;
/** Bytes of an answer. */
const BODY_LIMIT = 64 * 1024 * 1024;

/** One request to the API server. */
export interface KubeRequest {
  /** GET where absent. */
  readonly method?: string | undefined;
  /** From the server's root, such as /api/v1/namespaces. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** Bytes of the answer that are taken. */
  readonly maxBytes?: number | undefined;
}

/** A client of one API server as one identity. */
export interface KubeClient {
  /** Sends and reads JSON. Rejects with what `fromStatus` and `fromNetwork` say. */
  request<T = unknown>(request: KubeRequest): Promise<T>;
  /** Sends and gives the answer's bytes as they come: watches, logs. */
  stream(request: KubeRequest): Promise<AsyncIterable<Buffer>>;
  close(): Promise<void>;
}

/** Makes a client. Its connections are HTTP/1.1, as many as are needed at once. */
export function createKubeClient(
  connection: ClusterConnection,
  _seams: { readonly log: Logger; readonly clock: Clock },
): KubeClient {
  const dispatcher = createDispatcher(connection);
  const base = new URL(connection.server);
  const open = async (request: KubeRequest, bodyTimeout: number) => {
    const url = new URL(base.pathname.replace(/\/$/, "") + request.path, base);
    for (const [key, value] of Object.entries(request.query ?? {})) url.searchParams.set(key, value);
    const headers: Record<string, string> = {
      accept: request.accept ?? "application/json",
      "user-agent": "berth",
    };
    if (connection.token !== undefined && connection.token !== "") headers.authorization = `Bearer ${connection.token}`;
    if (request.body !== undefined) headers["content-type"] = request.contentType ?? "application/json";
    return send(url, {
      dispatcher,
      method: (request.method ?? "GET") as Dispatcher.HttpMethod,
      headers,
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal: request.signal ?? null,
      headersTimeout: request.timeoutMs ?? REQUEST_LIMIT,
      bodyTimeout,
    });
  };
  return {
    async request<T>(request: KubeRequest): Promise<T> {
      try {
        const answer = await open(request, request.timeoutMs ?? REQUEST_LIMIT);
        const text = await readBounded(answer.body, request.maxBytes ?? BODY_LIMIT);
        if (answer.statusCode >= 300) throw fromStatus(answer.statusCode, parseStatus(text));
        return (text === "" ? {} : JSON.parse(text)) as T;
      } catch (error) {
        if (request.signal?.aborted) throw request.signal.reason;
        throw fromNetwork(error);
      }
    },
    async stream(request) {
      try {
        // A watch is silent for as long as nothing changes; its reader decides how long is too long.
        const answer = await open(request, 0);
        if (answer.statusCode >= 300) {
          throw fromStatus(answer.statusCode, parseStatus(await readBounded(answer.body, BODY_LIMIT)));
        }
        return answer.body;
      } catch (error) {
        if (request.signal?.aborted) throw request.signal.reason;
        throw fromNetwork(error);
      }
    },
    close: () => dispatcher.destroy(),
  };
}

function createDispatcher(connection: ClusterConnection): Agent | ProxyAgent {
  const tls = {
    ca: connection.certificateAuthority,
    cert: connection.clientCertificate,
    key: connection.clientKey,
    servername: connection.tlsServerName,
    rejectUnauthorized: !(connection.insecureSkipTlsVerify ?? false),
  };
  const defined = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined && value !== ""));
  const { proxyUrl } = connection;
  return proxyUrl === undefined || proxyUrl === ""
    ? new Agent({ connect: { ...defined, timeout: 10_000 }, allowH2: false })
    : new ProxyAgent({ uri: proxyUrl, requestTls: defined });
}

async function readBounded(body: AsyncIterable<Buffer>, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit)
      throw new BerthError("CLUSTER_REFUSED", `An answer of the API server is over ${String(limit)} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseStatus(text: string): KubeStatus {
  try {
    return JSON.parse(text) as KubeStatus;
  } catch {
    return { message: text.slice(0, 500) };
  }
}
