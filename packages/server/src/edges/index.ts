import { BerthError } from "@berth/base";
import type { Logger } from "@berth/base";
import Fastify from "fastify";

import type { Berth } from "../berth.ts";
import type { RequestContext } from "../domain/operations/index.ts";
import { registerAutom8s } from "./autom8s/plugin.ts";
import { registerConnect } from "./grpc/plugin.ts";
import { HEALTH, registerOps } from "./ops/plugin.ts";
import { registerRest } from "./rest/plugin.ts";
import { BODY_LIMIT } from "./shared/body.ts";
import { addressOf, createCallerCheck } from "./shared/callers.ts";
import { toContext } from "./shared/context.ts";
import { toBerthError, toHttpStatus, toProblem } from "./shared/errors.ts";
import { createPort } from "./shared/port.ts";
import type { Port } from "./shared/port.ts";
import { registerSwift } from "./swift/plugin.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Request id and trace context. */
    berth: RequestContext;
  }
}

export { operationJson } from "./shared/operation-json.ts";

/** Where the server listens. */
export interface ServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Networks (CIDR) whose callers are let in beside the machine's own. */
  readonly callers?: readonly string[];
  readonly log: Logger;
}

/** A listening server. */
export interface BerthServer {
  readonly url: string;
  /** Drains for at most `deadlineMs`, then cuts what is left. */
  close(deadlineMs: number): Promise<void>;
}

/** Serves every dialect on one port. */
export async function createServer(berth: Berth, options: ServerOptions): Promise<BerthServer> {
  let port: Port | undefined;
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    logger: false,
    routerOptions: { maxParamLength: 2048 },
    serverFactory: (handler) => {
      port = createPort(handler);
      return port.server as never;
    },
  });
  // Each edge parses its bodies itself: what a body is depends on the dialect.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.decorateRequest("berth", null as never);
  app.addHook("onRequest", async (request, reply) => {
    request.berth = toContext((name) => {
      const value = request.headers[name];
      return typeof value === "string" ? value : undefined;
    });
    void reply.header("x-request-id", request.berth.requestId);
  });
  const checkCaller = createCallerCheck(options.callers ?? []);
  app.addHook("onRequest", (request, _reply, done) => {
    // Whoever asks for its health is a kubelet, and has no address that could be known before.
    if (!HEALTH.has(request.routeOptions.url ?? "")) checkCaller(addressOf(request.raw.socket));
    done();
  });
  app.addHook("onResponse", async (request, reply) => {
    const { method, url, berth: context } = request;
    const path = url.split("?", 1)[0];
    const { statusCode: status, elapsedTime: ms } = reply;
    // A write that went well has its audit line; what else goes well is nobody's worry.
    const level = status >= 500 ? "warn" : status >= 400 ? "info" : "debug";
    options.log[level]({ method, path, status, ms, ...context }, "request");
  });
  app.setErrorHandler((error, request, reply) => {
    const ours = toBerthError(error, options.log, request.berth.requestId);
    const { retryAfter } = ours.details;
    if (retryAfter !== undefined) void reply.header("retry-after", retryAfter);
    return reply
      .code(toHttpStatus(ours))
      .type("application/problem+json")
      .send(JSON.stringify(toProblem(ours, request.berth.requestId)));
  });
  app.setNotFoundHandler((request) => {
    throw new BerthError("ROUTE_NOT_FOUND", `There is nothing at ${request.url.split("?", 1)[0] ?? ""}.`);
  });
  registerOps(app, berth);
  registerRest(app, berth);
  registerAutom8s(app, berth);
  registerSwift(app, berth);
  const closing = new AbortController();
  await app.register((scope) => registerConnect(scope, berth, closing.signal));
  await app.ready();
  const opened = port as unknown as Port;
  const address = await opened.listen(options.port, options.host);
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    url: `http://${host}:${String(address.port)}`,
    close(deadlineMs) {
      closing.abort();
      return opened.close(deadlineMs);
    },
  };
}
