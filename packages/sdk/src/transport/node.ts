import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";

import type { TransportOptions } from "./options.ts";
import { createRestTransport } from "./rest.ts";

/** Makes a transport on Node's own HTTP/1.1, and on HTTP/2 for gRPC. */
export function createTransport({ baseUrl, protocol, interceptors, fetch }: TransportOptions): Transport {
  switch (protocol) {
    case "grpc":
      return createGrpcTransport({ baseUrl, interceptors });
    case "grpc-web":
      return createGrpcWebTransport({ baseUrl, interceptors, httpVersion: "1.1" });
    case "rest":
      return createRestTransport({ baseUrl, interceptors, fetch });
    case "connect":
      return createConnectTransport({ baseUrl, interceptors, httpVersion: "1.1" });
  }
}
