import { once } from "node:events";
import { createServer, request as send } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { INDEX } from "./signing.ts";

/** A front of a registry that speaks the referrers API, one referrer a page. */
export async function startReferrers(host: string): Promise<{ host: string; asked: string[] } & AsyncDisposable> {
  const asked: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? "", `http://${host}`);
    const [repository = "", digest] = pathname.split("/referrers/");
    if (digest === undefined) return pass(host, request, response);
    asked.push(digest);
    const index = await fetch(`http://${host}${repository}/manifests/${digest.replace(":", "-")}`, {
      headers: { accept: INDEX },
    });
    const all = index.ok ? ((await index.json()) as { manifests: unknown[] }).manifests : [];
    const page = Number(searchParams.get("page") ?? 0);
    const next = page + 1 < all.length ? { link: `<${pathname}?page=${String(page + 1)}>; rel="next"` } : {};
    response.writeHead(200, { "content-type": INDEX, ...next });
    return response.end(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: all.slice(page, page + 1) }));
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function pass(host: string, request: IncomingMessage, response: ServerResponse): void {
  const { method, headers, url } = request;
  request.pipe(
    send(`http://${host}${url ?? ""}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    }),
  );
}
