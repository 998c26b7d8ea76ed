import type { Clock, Logger } from "@berth/base";
import { request as send } from "undici";
import type { Dispatcher } from "undici";

import { readJson, throwUnlessGood } from "./body.ts";
import type { ClusterConnection } from "./connection.ts";
import { startDeadline } from "./deadline.ts";
import { fromNetwork, timedOut } from "./errors.ts";
import { createPulse } from "./pulse.ts";
import { raceSignal } from "./race-signal.ts";
import { createTokenSource } from "./token.ts";
import { createTransport } from "./transport.ts";

/** What the client calls itself. The API server names the fields it writes by it. */
export const USER_AGENT = "berth";
/** Milliseconds for a request, and for a stream's first byte. */
const REQUEST_LIMIT = 30_000;
/** Bytes of an answer. */
const BODY_LIMIT = 64 * 1024 * 1024;

/** One request to the API server. */
export interface KubeRequest {
  /** GET where absent. */
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | undefined;
  /** From the server's root, such as /api/v1/namespaces. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For the whole answer, or until a stream begins; 30 s where absent. */
  readonly timeoutMs?: number | undefined;
  /** Bytes of the answer that are taken; 64 MiB where absent. */
  readonly maxBytes?: number | undefined;
}

/** Version of an API server. */
export interface KubeVersion {
  /** Such as v1.37.1. */
  readonly gitVersion: string;
  readonly major: string;
  readonly minor: string;
}

/** A client of one API server as one identity. */
export interface KubeClient {
  /**
   * Sends and reads JSON. Rejects with a BerthError (`details.status` is the
   * HTTP status, where there was an answer) or with the signal's reason.
   */
  request<T = unknown>(request: KubeRequest): Promise<T>;
  /**
   * Sends and gives the answer's bytes as they come: watches, logs. Whoever asks
   * must read it to its end, leave the loop, or abort the signal.
   */
  stream(request: KubeRequest): Promise<AsyncIterable<Buffer>>;
  /** The API server's version. */
  version(signal?: AbortSignal): Promise<KubeVersion>;
  /** Rejects with CLUSTER_UNREACHABLE where the API server answers nothing within 5 s. Asked often, it asks seldom. */
  pulse(): Promise<void>;
  /**
   * Breaks all connections; what is under way rejects with CLUSTER_UNREACHABLE.
   * A socket whose handshake is not done ends by itself, within 10 s.
   */
  close(): Promise<void>;
}

/** Makes a client; it connects when it is asked something. */
export function createKubeClient(
  connection: ClusterConnection,
  { log, clock }: { readonly log: Logger; readonly clock: Clock },
): KubeClient {
  const transport = createTransport(connection);
  const token = createTokenSource(connection, log, clock);
  const base = new URL(connection.server);
  const sendAs = (bearer: string | undefined, request: KubeRequest, dispatcher: Dispatcher, signal: AbortSignal) => {
    const sent = send(urlOf(base, request), {
      dispatcher,
      method: request.method ?? "GET",
      headers: {
        accept: request.accept ?? "application/json",
        "user-agent": USER_AGENT,
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(request.body === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal,
      // Time is kept by the deadline, of which there is one for all of a request.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    // undici hears of an abort only once it has a connection for the request.
    return raceSignal(sent, signal);
  };
  const open = async (request: KubeRequest, dispatcher: Dispatcher, signal: AbortSignal) => {
    const bearer = await token();
    const answer = await sendAs(bearer, request, dispatcher, signal);
    if (answer.statusCode !== 401 || bearer === undefined) return answer;
    // Nothing was done. It may have been renewed since it was read.
    const renewed = await token(bearer);
    if (renewed === bearer) return answer;
    await answer.body.dump();
    return sendAs(renewed, request, dispatcher, signal);
  };
  const timed = (request: KubeRequest) =>
    startDeadline(clock, request.timeoutMs ?? REQUEST_LIMIT, request.signal, timedOut);
  const client: KubeClient = {
    async request<T>(request: KubeRequest): Promise<T> {
      using deadline = timed(request);
      try {
        const answer = await open(request, transport.requests, deadline.signal);
        await throwUnlessGood(answer);
        return await readJson<T>(answer, request.maxBytes ?? BODY_LIMIT);
      } catch (error) {
        throw explain(error, deadline.signal);
      }
    },
    async stream(request) {
      using deadline = timed(request);
      try {
        const answer = await open(request, transport.streams, deadline.signal);
        await throwUnlessGood(answer);
        return explained(answer.body, deadline.signal);
      } catch (error) {
        throw explain(error, deadline.signal);
      }
    },
    pulse: createPulse((request) => client.stream(request), clock),
    version: (signal) => client.request<KubeVersion>({ path: "/version", signal }),
    close: () => transport.close(),
  };
  return client;
}

function urlOf(base: URL, request: KubeRequest): URL {
  const url = new URL(base.pathname.replace(/\/$/, "") + request.path, base);
  for (const [key, value] of Object.entries(request.query ?? {})) url.searchParams.set(key, value);
  return url;
}

async function* explained(body: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    throw explain(error, signal);
  }
}

/** The first cause wins: an aborted signal's reason, not the broken socket that followed. */
function explain(error: unknown, signal: AbortSignal): Error {
  return signal.aborted ? (signal.reason as Error) : fromNetwork(error);
}
