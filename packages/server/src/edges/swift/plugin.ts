import type { BerthError } from "@berth/base";
import { httpBindings, swift, toRequest } from "@berth/contract";
import type { HttpBinding, hapiRelease } from "@berth/contract";
import { toJson } from "@bufbuild/protobuf";
import type { Message } from "@bufbuild/protobuf";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Berth } from "../../berth.ts";
import { bodyText, parseJsonBody } from "../shared/body.ts";
import { toHints } from "../shared/context.ts";
import { toBerthError, toGrpcCode, toHttpStatus } from "../shared/errors.ts";
import { createRoutes } from "../shared/routes.ts";
import { callerGone } from "../shared/signals.ts";
import { handlerKey } from "../shared/handler.ts";
import type { Handler } from "../shared/handler.ts";
import { createSwiftHandlers } from "./handlers.ts";

/**
 * The API of AppsCode Swift under /tiller/v2, as its gateway served it: JSON with
 * the proto's own field names and without empty ones; a body is JSON whatever
 * its content type says; an error is `{"error", "code"}` with gRPC's number.
 */
export function registerSwift(app: FastifyInstance, berth: Berth): void {
  const routes = createRoutes(httpBindings([swift.ReleaseService]));
  const handlers = createSwiftHandlers(berth);
  app.all("/tiller/v2/*", {
    onRequest: routes.onRequest,
    errorHandler: (error, request, reply) => {
      const ours = toBerthError(error, berth.log, request.berth.requestId);
      void reply
        .code(toHttpStatus(ours))
        .type("application/json")
        .send(JSON.stringify(toFault(ours)));
    },
    handler: async (request, reply) => {
      const { binding, variables } = routes.find(request);
      request.observed.route = binding.pattern;
      const { method } = binding;
      const handler = handlers.get(handlerKey(method)) as Handler;
      const header = (name: string) => String(request.headers[name] ?? "") || undefined;
      const hints = { ...toHints(header), signal: callerGone(reply.raw) };
      const output = await handler(decode(request, binding, variables), request.berth, hints);
      const body = toJson(method.output, withoutFiles(output), { useProtoFieldName: true });
      return reply.type("application/json").send(JSON.stringify(body));
    },
  });
}

/**
 * A chart's files are `Any`s whose types are their names: proto3 JSON has no form for them, and Swift's gateway failed
 * where a chart had some. Whoever wants them has gRPC.
 */
function withoutFiles(output: Message): Message {
  const { release } = output as { release?: hapiRelease.Release };
  if (release?.chart !== undefined) release.chart.files = [];
  return output;
}

function decode(request: FastifyRequest, binding: HttpBinding, variables: Readonly<Record<string, string>>) {
  const { input } = binding.method;
  const query = new URL(request.url, "http://berth").searchParams;
  // Its gateway passed over what it did not know.
  const isKnown = (name: string) => input.fields.some((field) => field.name === name || field.jsonName === name);
  const unknown = [...query.keys()].filter((name) => !isKnown(name));
  for (const name of unknown) query.delete(name);
  const text = bodyText(request.body);
  const body = binding.body === "" ? undefined : parseJsonBody(text === "" ? "{}" : text);
  // A namespace may stand in the query of a write, too, as of everything else.
  const form = binding.body === "" ? new URLSearchParams() : query;
  const rest = binding.body === "" ? query : new URLSearchParams();
  return toRequest(input, { variables, query: rest, form, body, bodyRule: binding.body });
}

/** An error as grpc-gateway wrote it, once as `error` and once as `message`; code, field and hint stand in its details. */
function toFault(error: BerthError): object {
  const { code, message, hint, field, object, reason } = error;
  const metadata = { hint, ...(field === undefined ? {} : { field }) };
  const where =
    object === undefined ? "" : ` (${object.kind} ${object.name}${reason === undefined ? "" : `: ${reason}`})`;
  return {
    error: message + where,
    message: message + where,
    code: toGrpcCode(error),
    details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: code, domain: "berth.dev", metadata }],
  };
}
