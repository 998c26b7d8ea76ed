import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { TLSSocket } from "node:tls";

/** A request that a repository has seen. */
export interface Seen {
  readonly path: string;
  readonly authorization: string | undefined;
  /** Name in the client's certificate; undefined where it has shown none. */
  readonly client: string | undefined;
}

/** An HTTPS repository of a directory's files on a loopback port. */
export interface TestRepository extends AsyncDisposable {
  readonly url: string;
  readonly seen: Seen[];
}

/** How a repository answers. */
export interface RepositoryOptions extends ServerOptions {
  /** Authorization that it wants; any where nothing is said. */
  readonly authorization?: string;
  /** Sends everybody to this URL instead, with the path added. */
  readonly redirect?: string;
}

/** Serves a directory over TLS; it goes with its scope. */
export async function startRepository(directory: string, options: RepositoryOptions): Promise<TestRepository> {
  const { authorization: wanted, redirect, ...tls } = options;
  const seen: Seen[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? "";
    const { authorization } = request.headers;
    seen.push({ path, authorization, client: nameOf(request) });
    if (wanted !== undefined && authorization !== wanted) return response.writeHead(401).end();
    if (redirect !== undefined) return response.writeHead(302, { location: `${redirect}${path}` }).end();
    const content = await readFile(join(directory, path)).catch(() => undefined);
    return response.writeHead(content === undefined ? 404 : 200).end(content);
  };
  const server = createServer(tls, (request, response) => void answer(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function nameOf({ socket }: IncomingMessage): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const { subject } = socket.getPeerCertificate() as { subject?: { CN: string } };
  return subject?.CN;
}
