import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";

import type { TransportOptions } from "./options.ts";
import { createRestTransport } from "./rest.ts";

/** Makes a transport on `fetch`. A browser speaks no gRPC: TypeError where it is asked to. */
export function createTransport({ baseUrl, protocol, interceptors, fetch }: TransportOptions): Transport {
  if (protocol === "grpc") throw new TypeError('A browser speaks "connect" or "grpc-web".');
  if (protocol === "rest") return createRestTransport({ baseUrl, interceptors, fetch });
  return protocol === "connect"
    ? createConnectTransport({ baseUrl, interceptors })
    : createGrpcWebTransport({ baseUrl, interceptors });
}
