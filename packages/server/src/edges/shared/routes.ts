import { BerthError } from "@berth/base";
import { matchRoute } from "@berth/contract";
import type { HttpBinding, RouteMatch } from "@berth/contract";
import type { FastifyReply, FastifyRequest } from "fastify";

/** The paths of a dialect whose rules stand in its protos. */
export interface Routes {
  /** The binding of a request that has been let in. */
  find(request: FastifyRequest): Extract<RouteMatch, { type: "found" }>;
  /** A hook: what nobody serves is refused before its body is read. */
  onRequest(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined>;
}

/** Makes the routes of bindings. A HEAD is a GET whose answer has no body. */
export function createRoutes(bindings: readonly HttpBinding[]): Routes {
  const match = (request: FastifyRequest) => {
    const verb = request.method === "HEAD" ? "GET" : request.method;
    return matchRoute(bindings, verb, pathOf(request));
  };
  return {
    find: (request) => match(request) as Extract<RouteMatch, { type: "found" }>,
    async onRequest(request, reply) {
      const found = match(request);
      if (found.type === "none") throw new BerthError("ROUTE_NOT_FOUND", `There is nothing at ${pathOf(request)}.`);
      if (found.type === "found") return undefined;
      const allowed = found.allowed.includes("GET") ? ["HEAD", ...found.allowed] : found.allowed;
      void reply.header("allow", [...allowed, "OPTIONS"].join(", "));
      if (request.method === "OPTIONS") return reply.code(204).send();
      throw new BerthError("METHOD_NOT_ALLOWED", `${request.method} is not served at ${pathOf(request)}.`);
    },
  };
}

function pathOf({ url }: FastifyRequest): string {
  return url.split("?", 1)[0] ?? "";
}
