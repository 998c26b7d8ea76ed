import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent, createServer, request as send } from "node:https";
import type { AddressInfo } from "node:net";

import { createAuthority, issue } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";

/** What a front does to what comes: nothing where nothing is said. */
export interface Mood {
  /** Answers this share of the requests by itself, as load balancers do. */
  readonly refuses?: { readonly share: number; readonly status: number; readonly retryAfter?: string };
  /** Breaks this share of the connections on which requests come. */
  readonly drops?: number;
  /** Lets so many bytes of an answer pass a second. */
  readonly bytesPerSecond?: number;
}

/** A load balancer with TLS of its own in front of a real API server; who comes by it is the administrator. */
export interface ApiFront extends AsyncDisposable {
  readonly url: string;
  /** PEM of its authority. */
  readonly ca: string;
  mood: Mood;
  /** Requests that were refused or dropped. */
  readonly refused: () => number;
  /** Accepts connections and requests and answers none; of what is open nothing comes any more, ever. */
  hold(): void;
  /** Answers what comes from now on. */
  release(): void;
  /** Breaks what is open. */
  cut(): void;
}

/** Starts a front on the loopback address. */
export async function startApiFront({ server: target, credentials }: DevCluster): Promise<ApiFront> {
  const authority = await createAuthority("front authority");
  const tls = await issue(authority, { commonName: "front", hosts: ["127.0.0.1"], usages: ["server"] });
  const { hostname, port } = new URL(target);
  const agent = new Agent({ ...credentials, keepAlive: true, maxSockets: Infinity });
  const dead = new WeakSet<ServerResponse>();
  const open = new Set<ServerResponse>();
  let isHolding = false;
  let refused = 0;
  const front = { mood: {} as Mood };
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    open.add(response);
    response.on("close", () => open.delete(response));
    if (isHolding) return;
    const { refuses, drops = 0 } = front.mood;
    if (Math.random() < drops) {
      refused++;
      return void request.socket.destroy();
    }
    if (refuses !== undefined && Math.random() < refuses.share) {
      refused++;
      const wait = refuses.retryAfter === undefined ? {} : { "retry-after": refuses.retryAfter };
      return void response.writeHead(refuses.status, { "content-type": "text/html", ...wait }).end("<h1>Busy</h1>");
    }
    pass(request, response);
  };
  const pass = (request: IncomingMessage, response: ServerResponse) => {
    const { authorization: _token, ...headers } = request.headers;
    const { method, url: path } = request;
    const upstream = send({
      hostname,
      port,
      method,
      path,
      headers: { ...headers, host: `${hostname}:${port}` },
      agent,
    });
    upstream.on("error", () => response.destroy());
    response.on("close", () => upstream.destroy());
    upstream.on("response", (answer) => {
      answer.on("error", () => response.destroy());
      if (dead.has(response)) return;
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.on("data", (chunk: Buffer) => {
        const { bytesPerSecond = Infinity } = front.mood;
        if (!dead.has(response)) response.write(chunk);
        if (bytesPerSecond === Infinity) return;
        answer.pause();
        setTimeout(() => answer.resume(), (chunk.length / bytesPerSecond) * 1000);
      });
      answer.on("end", () => void (dead.has(response) || response.end()));
    });
    request.pipe(upstream);
  };
  const server = createServer({ ...tls }, serve).listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(front, {
    url: `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    ca: authority.cert,
    refused: () => refused,
    hold() {
      isHolding = true;
      for (const response of open) dead.add(response);
    },
    release: () => void (isHolding = false),
    cut: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, "close");
    },
  });
}
