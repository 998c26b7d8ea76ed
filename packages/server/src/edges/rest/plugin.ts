import { BerthError } from "@berth/base";
import { httpBindings, operation, operationService, toAnswer, toAnswerText, toRequest } from "@berth/contract";
import type { HttpBinding } from "@berth/contract";
import { create } from "@bufbuild/protobuf";
import type { Message } from "@bufbuild/protobuf";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Berth } from "../../berth.ts";
import { bodyText, parseJsonBody } from "../shared/body.ts";
import { toHints, toWait } from "../shared/context.ts";
import { createHandlers, createStreams } from "../shared/handlers.ts";
import { handlerKey } from "../shared/handler.ts";
import type { Handler, StreamHandler, Hints } from "../shared/handler.ts";
import { createRoutes } from "../shared/routes.ts";
import { BERTH_SERVICES } from "../shared/services.ts";
import { callerGone } from "../shared/signals.ts";
import { validate } from "../shared/validate.ts";
import { resume, streamNews } from "./news.ts";
import type { Streaming } from "./stream.ts";
import { isUpload, readUpload, takesChart, withChart } from "./upload.ts";

/** What a write is followed by whose caller asks for its events. */
const FOLLOW = operationService.OperationService.method.watchOperation;
/** Content types whose bytes are read as JSON; curl sends a form's by itself. */
const JSON_TYPES = /^(application\/(json|x-www-form-urlencoded)|text\/json)\b/;

/** REST with JSON under /v1, as the protos' google.api.http say. `closing`: aborted when the port is to close. */
export function registerRest(app: FastifyInstance, berth: Berth, closing: AbortSignal): void {
  const routes = createRoutes(httpBindings(BERTH_SERVICES));
  const handlers = createHandlers(berth);
  const streams = createStreams(berth);
  const streaming = { log: berth.log, closing };
  app.all("/v1/*", { onRequest: routes.onRequest }, async (request, reply) => {
    const { binding, variables } = routes.find(request);
    const { method, pattern } = binding;
    request.observed.route = pattern;
    const message = await decode(request, binding, variables);
    const stream = streams.get(handlerKey(method));
    if (stream !== undefined) resume(message, request);
    validate(method.input, message);
    if (stream !== undefined) return streamNews(streaming, request, reply, { method, handler: stream, message });
    const handler = handlers.get(handlerKey(method)) as Handler;
    const follow = streams.get(handlerKey(FOLLOW)) as StreamHandler;
    return answer({ request, reply, handler, message, binding, follow, streaming });
  });
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
  /** How an operation is followed. */
  readonly follow: StreamHandler;
  readonly streaming: Streaming;
}

async function answer(call: Call): Promise<unknown> {
  const { request, reply, handler, message, binding } = call;
  const isOperation = binding.method.output.typeName === operation.OperationSchema.typeName;
  const hints = { ...hintsOf(request), signal: callerGone(reply.raw) };
  const wantsEvents = (request.headers.accept ?? "").includes("text/event-stream");
  if (isOperation && wantsEvents && binding.verb !== "GET") return answerWithEvents(call, hints);
  const output = await handler(message, request.berth, hints);
  if (hints.waitMs !== undefined && isOperation) void reply.header("preference-applied", `wait=${hints.waitMs / 1000}`);
  if (isOperation && !(output as operation.Operation).done && binding.verb !== "GET") {
    void reply.code(202).header("location", `/v1/operations/${(output as operation.Operation).id}`);
  }
  return reply.type("application/json").send(toAnswerText(binding.method.output, output));
}

/** Accepts a write and follows it: whoever asks for events gets those of the operation, from its first on. */
async function answerWithEvents(call: Call, hints: Hints): Promise<unknown> {
  const { request, reply, handler, message, follow, streaming } = call;
  let id = "";
  const accepted = handler(message, request.berth, { ...hints, waitMs: 0, onAccepted: (one) => (id = one.id) });
  const output = (await accepted) as operation.Operation;
  // A dry run is no operation that could be followed.
  if (id === "") {
    return reply.type("application/json").send(JSON.stringify(toAnswer(operation.OperationSchema, output)));
  }
  const headers = { location: `/v1/operations/${id}` };
  const asked = create(FOLLOW.input, { id });
  return streamNews(streaming, request, reply, { method: FOLLOW, handler: follow, message: asked, headers });
}

function hintsOf({ headers, url }: FastifyRequest): Hints {
  const hints = toHints((name) => {
    const value = headers[name];
    return typeof value === "string" ? value : undefined;
  });
  const wait = new URL(url, "http://berth").searchParams.get("wait");
  return wait === null ? hints : { ...hints, waitMs: toWait(wait) };
}
