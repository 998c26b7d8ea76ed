import type { AddressInfo } from "node:net";

import { BerthError } from "@berth/base";
import type { Logger } from "@berth/base";
import Fastify from "fastify";
import type { FastifyInstance } from "fastify";

import type { Berth } from "../berth.ts";
import type { RequestContext } from "../domain/operations/index.ts";
import { registerAutom8s } from "./autom8s/plugin.ts";
import { registerConnect } from "./grpc/plugin.ts";
import { createMetrics } from "./ops/metrics.ts";
import { observeRequests } from "./ops/observe.ts";
import { HEALTH, registerOps } from "./ops/plugin.ts";
import { registerOpenApi } from "./openapi/plugin.ts";
import { registerRest } from "./rest/plugin.ts";
import { BODY_LIMIT } from "./shared/body.ts";
import { createCallerCheck } from "./shared/callers.ts";
import { toContext } from "./shared/context.ts";
import { toBerthError, toHttpStatus, toProblem } from "./shared/errors.ts";
import { createPort, DEFAULT_LIMITS, socketOf } from "./shared/port.ts";
import type { Port, PortLimits } from "./shared/port.ts";
import { openTls } from "./shared/tls.ts";
import type { TlsFiles } from "./shared/tls.ts";
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
  /** Swift's clients are let in by this port too; 0: any free one. */
  readonly swiftPort?: number | undefined;
  /** Networks (CIDR) whose callers are let in beside the machine's own. */
  readonly callers?: readonly string[];
  /** Absent: without TLS. */
  readonly tls?: TlsFiles | undefined;
  /** Those of the port that are to be others. */
  readonly limits?: Partial<PortLimits>;
  readonly log: Logger;
}

/** A listening server. */
export interface BerthServer {
  readonly url: string;
  /** By the port for Swift's clients; undefined where there is none. */
  readonly swiftUrl: string | undefined;
  /** Drains for at most `deadlineMs`, then cuts what is left. */
  close(deadlineMs: number): Promise<void>;
}

/** Methods that paths without variables may serve. */
const METHODS = ["GET", "HEAD", "POST"] as const;

/** Serves every dialect on one port. */
export async function createServer(berth: Berth, options: ServerOptions): Promise<BerthServer> {
  let port: Port | undefined;
  const tls = options.tls === undefined ? undefined : await openTls(options.tls, options.log);
  const app = Fastify({
    bodyLimit: BODY_LIMIT,
    logger: false,
    routerOptions: { maxParamLength: 2048 },
    serverFactory: (handler) => {
      port = createPort(handler, { limits: { ...DEFAULT_LIMITS, ...options.limits }, tls: tls?.server });
      return port.server as never;
    },
  });
  // Each edge parses its bodies itself: what a body is depends on the dialect.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  const metrics = createMetrics(berth, () => tls?.expiry());
  observeRequests(app, metrics);
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
    // Whoever asks for its health is a kubelet, and has neither an address that could be known before nor a certificate.
    if (!HEALTH.has(request.routeOptions.url ?? "")) {
      const socket = socketOf(request.raw);
      checkCaller(socket.remoteAddress);
      if (tls?.isKnown(socket) === false) throw noCertificate();
    }
    done();
  });
  refuseUnknown(app);
  app.addHook("onResponse", async (request, reply) => {
    const { method, url, berth: context } = request;
    const path = url.split("?", 1)[0];
    const { statusCode: status, elapsedTime: ms } = reply;
    // A write that went well has its audit line; what else goes well is nobody's worry.
    const level = status >= 500 ? "warn" : status >= 400 ? "info" : "debug";
    options.log[level]({ method, path, status, ms, ...context }, "request");
  });
  answerErrors(app, options.log);
  registerOps(app, berth, metrics);
  registerOpenApi(app, berth);
  const closing = new AbortController();
  registerRest(app, berth, closing.signal);
  registerAutom8s(app, berth);
  registerSwift(app, berth);
  await app.register((scope) => registerConnect(scope, berth, closing.signal));
  await app.ready();
  const opened = port as unknown as Port;
  const listen = async (number: number) =>
    urlOf(tls === undefined ? "http" : "https", await opened.listen(number, options.host));
  return {
    url: await listen(options.port),
    swiftUrl: options.swiftPort === undefined ? undefined : await listen(options.swiftPort),
    close(deadlineMs) {
      closing.abort(new BerthError("UNAVAILABLE", "Berth is stopping; ask again."));
      tls?.stop();
      return opened.close(deadlineMs);
    },
  };
}

function urlOf(scheme: string, { family, address, port }: AddressInfo): string {
  return `${scheme}://${family === "IPv6" ? `[${address}]` : address}:${String(port)}`;
}

function answerErrors(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    const ours = toBerthError(error, log, request.berth.requestId);
    const { retryAfter } = ours.details;
    if (retryAfter !== undefined) void reply.header("retry-after", retryAfter);
    return reply
      .code(toHttpStatus(ours))
      .type("application/problem+json")
      .send(JSON.stringify(toProblem(ours, request.berth.requestId)));
  });
}

/** Before a body is read: whatever it is, nobody wants it. */
function refuseUnknown(app: FastifyInstance): void {
  app.addHook("onRequest", async (request, reply) => {
    if (!request.is404) return;
    const path = request.url.split("?", 1)[0] ?? "";
    const allowed = METHODS.filter((method) => app.hasRoute({ method, url: path }));
    if (allowed.length === 0) throw new BerthError("ROUTE_NOT_FOUND", `There is nothing at ${path}.`);
    void reply.header("allow", allowed.join(", "));
    throw new BerthError("METHOD_NOT_ALLOWED", `${request.method} is not served at ${path}.`);
  });
}

function noCertificate(): BerthError {
  return new BerthError("UNAUTHENTICATED", "The connection has no client certificate that is trusted here.", {
    hint: "Present a certificate of an authority that BERTH_TLS_CLIENT_CA_FILE names.",
  });
}
