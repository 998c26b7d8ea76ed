import type { Interceptor } from "@connectrpc/connect";

/** How calls travel; all three meet the same port and the same answers. `grpc` wants HTTP/2 and so Node. */
export type Protocol = "connect" | "grpc" | "grpc-web";

/** What a transport is made of. */
export interface TransportOptions {
  readonly baseUrl: string;
  readonly protocol: Protocol;
  readonly interceptors: Interceptor[];
}
