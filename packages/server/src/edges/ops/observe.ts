import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Metrics } from "./metrics.ts";

/** What an edge says of a request that its URL and its status do not. */
export interface Observed {
  /** The path's pattern, never the path itself. */
  route: string;
  /** Of gRPC and Connect, the code's name. */
  status: string;
  isStream: boolean;
}

declare module "fastify" {
  interface FastifyRequest {
    observed: Observed;
  }
}

/** Counts and times each request, whatever becomes of it. */
export function observeRequests(app: FastifyInstance, metrics: Metrics): void {
  app.decorateRequest("observed", null as never);
  app.addHook("onRequest", (request, reply, done) => {
    request.observed = { route: "", status: "", isStream: false };
    const protocol = protocolOf(request);
    metrics.begin(protocol);
    reply.raw.once("close", () => {
      const { observed } = request;
      metrics.end({
        ...{
          protocol,
          route: observed.route || routeOf(request),
          status: observed.status || statusOf(reply, protocol),
        },
        isStream: observed.isStream || String(reply.raw.getHeader("content-type")).startsWith("text/event-stream"),
        seconds: reply.elapsedTime / 1000,
      });
    });
    done();
  });
}

function protocolOf({ headers, routeOptions, is404 }: FastifyRequest): string {
  const type = headers["content-type"] ?? "";
  const route = routeOptions.url ?? "";
  if (is404) return "none";
  if (type.startsWith("application/grpc-web")) return "grpc-web";
  if (type.startsWith("application/grpc")) return "grpc";
  if (route.startsWith("/v1/")) return "rest";
  if (route.startsWith("/tiller/")) return "swift";
  if (/^\/[\w.]+\.[\w.]+\//.test(route)) return "connect";
  return AUTOM8S.has(route) ? "autom8s" : "ops";
}

const AUTOM8S: ReadonlySet<string> = new Set(["/install", "/upgrade", "/delete"]);

/** The pattern that a request fits; one with a star stands for all paths that nothing is at. */
function routeOf({ routeOptions, is404 }: FastifyRequest): string {
  const url = routeOptions.url ?? "";
  return is404 || url.endsWith("*") ? "none" : url;
}

function statusOf({ raw, statusCode }: FastifyReply, protocol: string): string {
  if (!raw.writableEnded && !raw.headersSent) return "aborted";
  const isRpc = protocol === "connect" || protocol.startsWith("grpc");
  return isRpc && statusCode === 200 ? "ok" : String(statusCode);
}
