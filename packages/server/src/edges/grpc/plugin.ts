import { health, swift } from "@berth/contract";
import type { DescMethod, DescMethodUnary, Message } from "@bufbuild/protobuf";
import { Code, createContextKey, createContextValues } from "@connectrpc/connect";
import type { ConnectError, ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { fastifyConnectPlugin } from "@connectrpc/connect-fastify";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Berth } from "../../berth.ts";
import { BODY_LIMIT } from "../shared/body.ts";
import { toContext, toHints } from "../shared/context.ts";
import { toBerthError, toConnectError } from "../shared/errors.ts";
import { createHandlers, createStreams } from "../shared/handlers.ts";
import { handlerKey } from "../shared/handler.ts";
import type { Handler, StreamHandler } from "../shared/handler.ts";
import { BERTH_SERVICES } from "../shared/services.ts";
import { ofCall } from "../shared/signals.ts";
import { validate } from "../shared/validate.ts";
import { createSwiftHandlers } from "../swift/handlers.ts";
import { registerHealth } from "./health.ts";
import { registerReflection } from "./reflection.ts";

/** The request that a call came by. */
const REQUEST = createContextKey<FastifyRequest | undefined>(undefined);

const SERVICES = [...BERTH_SERVICES, swift.ReleaseService];

/** Connect, gRPC and gRPC-Web for each service, with the handlers of REST. `closing`: aborted when the port is to close. */
export async function registerConnect(app: FastifyInstance, berth: Berth, closing: AbortSignal): Promise<void> {
  const handlers = new Map([...createHandlers(berth), ...createSwiftHandlers(berth)]);
  const streams = createStreams(berth);
  const routes = (router: ConnectRouter) => {
    for (const service of SERVICES) {
      const methods = service.methods.map((method) => {
        const stream = streams.get(handlerKey(method));
        if (stream !== undefined) return [method.localName, toStream(berth, method, stream, closing)];
        const unary = method as DescMethodUnary;
        return [method.localName, toImplementation(berth, unary, handlers.get(handlerKey(method)) as Handler)];
      });
      router.service(service, Object.fromEntries(methods) as never);
    }
    const names = SERVICES.map(({ typeName }) => typeName);
    registerHealth(router, berth.readiness, names, closing);
    registerReflection(router, [...SERVICES, health.Health]);
  };
  await app.register(fastifyConnectPlugin, {
    ...{ routes, readMaxBytes: BODY_LIMIT },
    contextValues: (request) => createContextValues().set(REQUEST, request),
  });
}

function toImplementation(berth: Berth, method: DescMethodUnary, handler: Handler) {
  return async (request: Message, call: HandlerContext): Promise<Message> => {
    const header = (name: string) => call.requestHeader.get(name) ?? undefined;
    const context = toContext(header);
    call.responseHeader.set("x-request-id", context.requestId);
    try {
      validate(method.input, request);
      using asked = ofCall(call.signal);
      return await handler(request, context, { ...toHints(header), signal: asked.signal });
    } catch (error) {
      throw observe(call, toConnectError(toBerthError(error, berth.log, context.requestId), context.requestId));
    }
  };
}

function toStream(berth: Berth, method: DescMethod, handler: StreamHandler, closing: AbortSignal) {
  return async function* (request: Message, call: HandlerContext): AsyncGenerator<Message> {
    const http = call.values.get(REQUEST);
    if (http !== undefined) http.observed.isStream = true;
    const context = toContext((name) => call.requestHeader.get(name) ?? undefined);
    call.responseHeader.set("x-request-id", context.requestId);
    try {
      validate(method.input, request);
      using asked = ofCall(call.signal);
      yield* handler(request, context, AbortSignal.any([asked.signal, closing]));
      // What ends by its deadline has not ended well.
      asked.signal.throwIfAborted();
    } catch (error) {
      throw observe(call, toConnectError(toBerthError(error, berth.log, context.requestId), context.requestId));
    }
  };
}

/** A call of gRPC is answered with 200 whatever becomes of it. */
function observe({ values }: HandlerContext, error: ConnectError): ConnectError {
  const request = values.get(REQUEST);
  if (request !== undefined)
    request.observed.status = Code[error.code].replace(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase();
  return error;
}
