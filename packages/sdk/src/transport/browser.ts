import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";

import type { TransportOptions } from "./options.ts";

/** Makes a transport on `fetch`. A browser speaks no gRPC: TypeError where it is asked to. */
export function createTransport({ baseUrl, protocol, interceptors }: TransportOptions): Transport {
  if (protocol === "grpc") throw new TypeError('A browser speaks "connect" or "grpc-web".');
  return protocol === "connect"
    ? createConnectTransport({ baseUrl, interceptors })
    : createGrpcWebTransport({ baseUrl, interceptors });
}
