import { systemClock } from "@berth/base";
import type { BackoffOptions, Clock } from "@berth/base";
import type { Interceptor, Transport } from "@connectrpc/connect";
import { createTransport } from "#transport";

import type { Protocol } from "./transport/options.ts";

/** How often a call is tried, and the pauses between, in milliseconds. */
export interface RetryOptions extends BackoffOptions {
  /** With the first; 1 never tries again. */
  readonly attempts: number;
}

/** Where Berth is and how it is spoken to. */
export interface ConnectionOptions {
  /** Such as http://127.0.0.1:4000; with a path where a proxy stands before Berth. */
  readonly url: string;
  /** "connect" where absent: JSON-capable HTTP that passes every proxy. */
  readonly protocol?: Protocol;
  /** A bearer token, or what gives the one of the moment. */
  readonly token?: string | (() => string | Promise<string>);
  /** Sent with each call. */
  readonly headers?: Readonly<Record<string, string>>;
  /** 5 attempts, 200 ms to 5 s between them, where absent. */
  readonly retry?: Partial<RetryOptions>;
  /** Another transport than this package's own. Operations are followed by `fetch` all the same, but where `protocol` is "grpc". */
  readonly transport?: Transport;
  /** The platform's own where absent. */
  readonly fetch?: typeof globalThis.fetch;
  /** The machine's clock where absent. */
  readonly clock?: Clock;
}

/** What clients and followers share. It holds nothing open by itself. */
export interface Connection {
  /** Without a slash at its end. */
  readonly url: string;
  readonly protocol: Protocol;
  readonly transport: Transport;
  readonly fetch: typeof globalThis.fetch;
  readonly retry: RetryOptions;
  readonly clock: Clock;
  /** Headers of each call as they are now. */
  headers(): Promise<Record<string, string>>;
}

const RETRY: RetryOptions = { attempts: 5, initial: 200, max: 5_000 };

/** Prepares to speak to Berth; nothing is opened before the first call. TypeError where the URL is none. */
export function connect(options: ConnectionOptions): Connection {
  const { token, protocol = "connect", fetch = globalThis.fetch.bind(globalThis), clock = systemClock } = options;
  const url = new URL(options.url).href.replace(/\/+$/, "");
  const headers = async () => ({
    ...options.headers,
    ...(token === undefined ? {} : { authorization: `Bearer ${typeof token === "string" ? token : await token()}` }),
  });
  const addHeaders: Interceptor = (next) => async (request) => {
    for (const [name, value] of Object.entries(await headers())) request.header.set(name, value);
    return next(request);
  };
  const transport = options.transport ?? createTransport({ baseUrl: url, protocol, interceptors: [addHeaders], fetch });
  return { url, protocol, transport, fetch, clock, headers, retry: { ...RETRY, ...options.retry } };
}
