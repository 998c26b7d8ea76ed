import { BerthError } from "@berth/base";
import { httpBindings, matchRoute, operation, toAnswer, toRequest } from "@berth/contract";
import type { HttpBinding, RouteMatch } from "@berth/contract";
import type { Message } from "@bufbuild/protobuf";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Berth } from "../../berth.ts";
import { bodyText, parseJsonBody } from "../shared/body.ts";
import { toHints, toWait } from "../shared/context.ts";
import { createHandlers, createStreams } from "../shared/handlers.ts";
import { handlerKey } from "../shared/handler.ts";
import type { Handler, WriteHints } from "../shared/handler.ts";
import { BERTH_SERVICES } from "../shared/services.ts";
import { validate } from "../shared/validate.ts";
import { registerEvents, streamEvents } from "./events.ts";
import { streamNews } from "./news.ts";
import { isUpload, readUpload, takesChart, withChart } from "./upload.ts";

/** Content types whose bytes are read as JSON; curl sends a form's by itself. */
const JSON_TYPES = /^(application\/(json|x-www-form-urlencoded)|text\/json)\b/;

/** REST with JSON under /v1, as the protos' google.api.http say. */
export function registerRest(app: FastifyInstance, berth: Berth): void {
  const bindings = httpBindings(BERTH_SERVICES);
  const handlers = createHandlers(berth);
  const streams = createStreams(berth);
  registerEvents(app, berth);
  const match = (request: FastifyRequest) => {
    const verb = request.method === "HEAD" ? "GET" : request.method;
    return matchRoute(bindings, verb, pathOf(request));
  };
  // What nobody serves is refused before its body is read.
  const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
    const found = match(request);
    if (found.type === "none") throw new BerthError("ROUTE_NOT_FOUND", `There is nothing at ${pathOf(request)}.`);
    if (found.type === "found") return;
    const allowed = found.allowed.includes("GET") ? ["HEAD", ...found.allowed] : found.allowed;
    void reply.header("allow", [...allowed, "OPTIONS"].join(", "));
    if (request.method === "OPTIONS") return reply.code(204).send();
    throw new BerthError("METHOD_NOT_ALLOWED", `${request.method} is not served at ${pathOf(request)}.`);
  };
  app.all("/v1/*", { onRequest }, async (request, reply) => {
    const { binding, variables } = match(request) as Extract<RouteMatch, { type: "found" }>;
    const { method, pattern } = binding;
    request.observed.route = pattern;
    const message = await decode(request, binding, variables);
    validate(method.input, message);
    const stream = streams.get(handlerKey(method));
    if (stream !== undefined) return streamNews(berth, request, reply, method.output, stream, message);
    const handler = handlers.get(handlerKey(method)) as Handler;
    return answer(berth, { request, reply, handler, message, binding });
  });
}

function pathOf({ url }: FastifyRequest): string {
  return url.split("?", 1)[0] ?? "";
}

async function decode(request: FastifyRequest, binding: HttpBinding, variables: Readonly<Record<string, string>>) {
  const { input } = binding.method;
  const query = new URL(request.url, "http://berth").searchParams;
  // It is no field of any message: see hintsOf.
  query.delete("wait");
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
  const isOperation = binding.method.output.typeName === operation.OperationSchema.typeName;
  const hints = hintsOf(request);
  const wantsEvents = (request.headers.accept ?? "").includes("text/event-stream");
  if (isOperation && wantsEvents && binding.verb !== "GET") return answerWithEvents(berth, call, hints);
  const output = await handler(message, request.berth, hints);
  if (hints.waitMs !== undefined && isOperation) void reply.header("preference-applied", `wait=${hints.waitMs / 1000}`);
  if (isOperation && !(output as operation.Operation).done && binding.verb !== "GET") {
    void reply.code(202).header("location", `/v1/operations/${(output as operation.Operation).id}`);
  }
  return reply.type("application/json").send(JSON.stringify(toAnswer(binding.method.output, output)));
}

/** Accepts a write and follows it: whoever asks for events gets those of the operation, from its first on. */
async function answerWithEvents(berth: Berth, { request, reply, handler, message }: Call, hints: WriteHints) {
  let id = "";
  const accepted = handler(message, request.berth, { ...hints, waitMs: 0, onAccepted: (one) => (id = one.id) });
  const output = (await accepted) as operation.Operation;
  // A dry run is no operation that could be followed.
  if (id === "") {
    return reply.type("application/json").send(JSON.stringify(toAnswer(operation.OperationSchema, output)));
  }
  return streamEvents(berth, request, reply, id, 0);
}

function hintsOf({ headers, url }: FastifyRequest): WriteHints {
  const hints = toHints((name) => {
    const value = headers[name];
    return typeof value === "string" ? value : undefined;
  });
  const wait = new URL(url, "http://berth").searchParams.get("wait");
  return wait === null ? hints : { ...hints, waitMs: toWait(wait) };
}
