import { BerthError } from "@berth/base";
import {
  chartService,
  httpBindings,
  matchRoute,
  operation,
  operationService,
  releaseService,
  toAnswer,
  toRequest,
} from "@berth/contract";
import type { HttpBinding } from "@berth/contract";
import { create } from "@bufbuild/protobuf";
import type { Message } from "@bufbuild/protobuf";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Berth } from "../../berth.ts";
import type { OperationListener } from "../../domain/operations/index.ts";
import { bodyText, parseJsonBody } from "../shared/body.ts";
import { toBerthError, toHttpStatus, toProblem } from "../shared/errors.ts";
import { fromOperation, fromProgress } from "../shared/from-domain.ts";
import { createHandlers, handlerKey } from "../shared/handlers.ts";
import type { Handler } from "../shared/handler.ts";
import { validate } from "../shared/validate.ts";
import { createEventStream } from "./event-stream.ts";
import { isUpload, readUpload, takesChart, withChart } from "./upload.ts";

/** Content types whose bytes are read as JSON; curl sends a form's by itself. */
const JSON_TYPES = /^(application\/(json|x-www-form-urlencoded)|text\/json)\b/;

/** REST with JSON under /v1, as the protos' google.api.http say. */
export function registerRest(app: FastifyInstance, berth: Berth): void {
  const bindings = httpBindings([
    releaseService.ReleaseService,
    operationService.OperationService,
    chartService.ChartService,
  ]);
  const handlers = createHandlers(berth);
  app.all("/v1/*", async (request, reply) => {
    const path = request.url.split("?", 1)[0] ?? "";
    const verb = request.method === "HEAD" ? "GET" : request.method;
    const match = matchRoute(bindings, verb, path);
    switch (match.type) {
      case "none":
        throw new BerthError("ROUTE_NOT_FOUND", `There is nothing at ${path}.`);
      case "method": {
        const allowed = match.allowed.includes("GET") ? ["HEAD", ...match.allowed] : match.allowed;
        void reply.header("allow", [...allowed, "OPTIONS"].join(", "));
        if (request.method === "OPTIONS") return reply.code(204).send();
        throw new BerthError("METHOD_NOT_ALLOWED", `${request.method} is not served at ${path}.`);
      }
      case "found": {
        const handler = handlers.get(handlerKey(match.binding.method)) as Handler;
        const message = await decode(request, match.binding, match.variables);
        validate(match.binding.method.input, message);
        return answer(berth, { request, reply, handler, message, binding: match.binding });
      }
    }
  });
}

async function decode(request: FastifyRequest, binding: HttpBinding, variables: Readonly<Record<string, string>>) {
  const { input } = binding.method;
  const query = new URL(request.url, "http://berth").searchParams;
  const type = request.headers["content-type"] ?? "application/json";
  if (binding.body === "") return toRequest(input, { variables, query, body: undefined, bodyRule: "" });
  if (takesChart(input) && isUpload(type)) {
    const { archive, body, form } = await readUpload(type, request.body, query);
    const none = new URLSearchParams();
    return withChart(toRequest(input, { variables, query: none, form, body, bodyRule: "*" }), archive);
  }
  if (!JSON_TYPES.test(type)) {
    throw new BerthError("UNSUPPORTED_MEDIA_TYPE", `The content type ${type.slice(0, 100)} is not served here.`);
  }
  return toRequest(input, { variables, query, body: parseJsonBody(bodyText(request.body)), bodyRule: binding.body });
}

interface Call {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly handler: Handler;
  readonly message: Message;
  readonly binding: HttpBinding;
}

async function answer(berth: Berth, call: Call): Promise<unknown> {
  const { request, reply, handler, message, binding } = call;
  const isWrite = binding.method.output.typeName === operation.OperationSchema.typeName && binding.verb !== "GET";
  const wantsEvents = (request.headers.accept ?? "").includes("text/event-stream");
  if (isWrite && wantsEvents) return answerWithEvents(berth, call);
  const output = await handler(message, request.berth);
  return reply.type("application/json").send(JSON.stringify(toAnswer(binding.method.output, output)));
}

/** Answers a write as its events: the operation as it starts, what happens, and the operation as it ended. */
async function answerWithEvents(berth: Berth, call: Call): Promise<unknown> {
  const { request, reply, handler, message, binding } = call;
  const events = createEventStream(reply.raw, { "x-request-id": request.berth.requestId });
  const toJson = (started: Parameters<typeof fromOperation>[0]) =>
    toAnswer(operation.OperationSchema, create(operation.OperationSchema, fromOperation(started)));
  const listener: OperationListener = {
    started: (started) => events.send("operation", toJson(started)),
    progress: (event) => events.send(event.type, fromProgress(event)),
  };
  try {
    const output = await handler(message, request.berth, listener);
    events.send("operation", toAnswer(binding.method.output, output));
  } catch (error) {
    if (!events.isOpen()) throw error;
    const ours = toBerthError(error, berth.log, request.berth.requestId);
    events.send("error", { ...toProblem(ours, request.berth.requestId), status: toHttpStatus(ours) });
  }
  reply.hijack();
  events.end();
  return reply;
}
