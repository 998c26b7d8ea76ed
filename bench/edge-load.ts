import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect } from "node:http2";

import { releaseService } from "@berth/contract";
import { create, toBinary } from "@bufbuild/protobuf";

/** The release that is read, from memory. */
export const PLACE = { cluster: "local", namespace: "edge", name: "web" };

/** One way of asking for a release again and again. It costs little: who asks shares the machine with what is measured. */
export interface Caller {
  /** Asks, and gives the bytes of the answer's body; rejects unless it is a good one. */
  ask(): Promise<number>;
  close(): void;
}

/** A path over HTTP/1.1 and connections that are kept. */
export function byRest(url: string): Caller {
  return byHttp1(
    `${url}/v1/clusters/local/namespaces/${PLACE.namespace}/releases/${PLACE.name}?min_resource_version=0`,
    undefined,
  );
}

/** Connect with binary messages, likewise. */
export function byConnect(url: string): Caller {
  const body = Buffer.from(toBinary(releaseService.GetReleaseRequestSchema, target()));
  return byHttp1(`${url}/berth.v1.ReleaseService/GetRelease`, body);
}

/** gRPC on one connection of HTTP/2. */
export function byGrpc(url: string): Caller {
  const message = toBinary(releaseService.GetReleaseRequestSchema, target());
  const body = Buffer.alloc(5 + message.length);
  body.writeUInt32BE(message.length, 1);
  body.set(message, 5);
  const session = connect(url);
  const headers = {
    ":method": "POST",
    ":path": "/berth.v1.ReleaseService/GetRelease",
    "content-type": "application/grpc+proto",
    te: "trailers",
  };
  return {
    async ask() {
      const stream = session.request(headers);
      const trailers = once(stream, "trailers") as Promise<[Record<string, string>]>;
      stream.end(body);
      let bytes = 0;
      for await (const chunk of stream) bytes += (chunk as Buffer).length;
      const [{ "grpc-status": status }] = await trailers;
      if (status !== "0") throw new Error(`gRPC answered ${String(status)}.`);
      return bytes;
    },
    close: () => session.destroy(),
  };
}

function target() {
  return create(releaseService.GetReleaseRequestSchema, { ...PLACE, minResourceVersion: "0" });
}

function byHttp1(url: string, body: Buffer | undefined): Caller {
  const agent = new Agent({ keepAlive: true });
  const options =
    body === undefined
      ? { agent }
      : { agent, method: "POST", headers: { "content-type": "application/proto", "content-length": body.length } };
  return {
    ask: () =>
      new Promise((resolve, reject) => {
        const outgoing = request(url, options, (response) => {
          let bytes = 0;
          response.on("data", (chunk: Buffer) => (bytes += chunk.length));
          response.on("error", reject);
          response.on("end", () => {
            if (response.statusCode === 200) resolve(bytes);
            else reject(new Error(`${url} answered ${String(response.statusCode)}.`));
          });
        });
        outgoing.on("error", reject);
        outgoing.end(body);
      }),
    close: () => agent.destroy(),
  };
}
