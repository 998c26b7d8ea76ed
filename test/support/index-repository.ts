import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** An HTTP repository of the charts in a folder, on a loopback port. */
export interface TestRepository extends AsyncDisposable {
  readonly url: string;
  /** Who is let in; everybody where undefined. May be changed. */
  login: { readonly username: string; readonly password: string } | undefined;
  /** Times that it gave its whole index, and that it said that the index is as it was. */
  readonly asked: { whole: number; unchanged: number };
}

/** Starts a repository; it goes with its scope. Its index has an ETag. */
export async function startRepository(folder: string, login?: TestRepository["login"]): Promise<TestRepository> {
  const asked = { whole: 0, unchanged: 0 };
  const repository = { login };
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const { login: wanted } = repository;
    const expected = wanted && `Basic ${Buffer.from(`${wanted.username}:${wanted.password}`).toString("base64")}`;
    if (request.headers.authorization !== expected && expected !== undefined) return response.writeHead(401).end();
    const content = await readFile(join(folder, request.url ?? "")).catch(() => undefined);
    if (content === undefined) return response.writeHead(404).end();
    if (request.url !== "/index.yaml") return response.writeHead(200).end(content);
    const isKnown = request.headers["if-none-match"] === '"one"';
    asked[isKnown ? "unchanged" : "whole"] += 1;
    return response.writeHead(isKnown ? 304 : 200, { etag: '"one"' }).end(isKnown ? undefined : content);
  };
  const server = createServer((request, response) => void serve(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(repository, {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}
