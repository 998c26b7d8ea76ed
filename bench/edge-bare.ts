import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { text } from "node:stream/consumers";

import { release, releaseService } from "@berth/contract";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { fromJsonString } from "@bufbuild/protobuf";
import fastify from "fastify";

/*
 * What a GET of a release costs where nothing is known of releases: a Fastify route and Connect's own handler that answer
 * what stands on standard input. A process of its own, as the gateway is one.
 */

const answer = await text(process.stdin);
const message = fromJsonString(release.ReleaseSchema, answer);

const app = fastify();
app.get("/v1/clusters/:cluster/namespaces/:namespace/releases/:name", (_request, reply) =>
  reply.type("application/json").send(answer),
);
await app.listen({ port: 0, host: "127.0.0.1" });

const handler = connectNodeAdapter({
  routes: (router) => router.service(releaseService.ReleaseService, { getRelease: () => message }),
});
const connect = await listen(createServer(handler));
const grpc = await listen(createHttp2Server(handler));
console.log(JSON.stringify({ rest: portOf(app.server), connect, grpc }));

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return portOf(server);
}

function portOf(server: Server): string {
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}
