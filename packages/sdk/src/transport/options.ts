import type { Interceptor } from "@connectrpc/connect";

/** How calls travel; all meet the same port and the same answers. `grpc` wants HTTP/2 and so Node. */
export type Protocol = "connect" | "grpc" | "grpc-web" | "rest";

/** What a transport is made of. */
export interface TransportOptions {
  readonly baseUrl: string;
  readonly protocol: Protocol;
  readonly interceptors: Interceptor[];
  /** For what goes by it in Node, too. */
  readonly fetch: typeof globalThis.fetch;
}
