import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";

/** A callback as it came. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers the n-th callback (from 1) of a path; who does not end the response lets it hang. */
export type Answering = (response: ServerResponse, n: number) => void;

/** A receiver of callbacks on a loopback port. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly received: readonly Received[];
  /** Connections that were opened, whatever became of them. */
  connections(): number;
  /** Those of a path. */
  at(path: string): Received[];
}

/** Starts a receiver that answers 204 where `paths` says nothing else; over TLS where it is given. */
export async function startReceiver(
  paths: Readonly<Record<string, Answering>> = {},
  tls?: ServerOptions,
): Promise<Receiver> {
  const received: Received[] = [];
  const at = (path: string) => received.filter((one) => one.path === path);
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? "";
    received.push({ path, headers: request.headers, body: Buffer.concat(chunks).toString() });
    const answering = paths[path] ?? ((plain) => plain.writeHead(204).end());
    answering(response, at(path).length);
  };
  const listener = (request: IncomingMessage, response: ServerResponse) =>
    void answer(request, response).catch(() => response.destroy());
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  let connections = 0;
  server.on("connection", () => connections++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${String(port)}`,
    ...{ received, at, connections: () => connections },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** Whether a key has signed a callback, by a check of our own. */
export function isSigned({ headers, body }: Received, secret: string): boolean {
  const [id, time, signatures] = ["id", "timestamp", "signature"].map((name) => String(headers[`webhook-${name}`]));
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = createHmac("sha256", key)
    .update(`${id ?? ""}.${time ?? ""}.${body}`)
    .digest();
  return (signatures ?? "").split(" ").some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
    return signature.startsWith("v1,") && given.length === expected.length && timingSafeEqual(given, expected);
  });
}
