import { fromJson } from "@bufbuild/protobuf";
import type { DescMessage, DescMethod, JsonValue, Message, MessageShape } from "@bufbuild/protobuf";
import { createContextValues } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";
import { runStreamingCall, runUnaryCall } from "@connectrpc/connect/protocol";
import type { EventSourceMessage } from "eventsource-parser";
import { EventSourceParserStream } from "eventsource-parser/stream";

import { fromProblem, unreachable } from "../error.ts";
import type { TransportOptions } from "./options.ts";
import { toRestRequest } from "./rest-request.ts";

/**
 * Makes a transport on `fetch` that calls each RPC by its HTTP rule: JSON in path, query and body, streams as server-sent
 * events, errors as problem details. Every platform has what it needs.
 */
export function createRestTransport({ baseUrl, interceptors, fetch }: Omit<TransportOptions, "protocol">): Transport {
  return {
    unary: (method, signal, timeoutMs, header, message, contextValues = createContextValues()) =>
      runUnaryCall({
        ...{ interceptors, ...toLimits(signal, timeoutMs) },
        req: { ...toCommon(method, header, baseUrl), stream: false, method, message, contextValues },
        next: async (request) => {
          const response = await send(baseUrl, method, request.message, request, fetch);
          const { header, trailer } = { header: response.headers, trailer: new Headers() };
          const answer = await readAnswer(method.output, response);
          return { stream: false, service: method.parent, method, header, trailer, message: answer };
        },
      }),
    stream: (method, signal, timeoutMs, header, messages, contextValues = createContextValues()) =>
      runStreamingCall({
        ...{ interceptors, ...toLimits(signal, timeoutMs) },
        req: { ...toCommon(method, header, baseUrl), stream: true, method, message: messages, contextValues },
        next: async (request) => {
          // Berth has streams of answers only: there is one request.
          for await (const message of request.message) {
            const response = await send(baseUrl, method, message, request, fetch);
            const { header, trailer } = { header: response.headers, trailer: new Headers() };
            const answers = readEvents(method.output, response);
            return { stream: true, service: method.parent, method, header, trailer, message: answers };
          }
          throw new TypeError(`${method.name} was asked nothing.`);
        },
      }),
  };
}

function toLimits(signal: AbortSignal | undefined, timeoutMs: number | undefined) {
  return { ...(signal === undefined ? {} : { signal }), ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}

function toCommon(method: DescMethod, header: unknown, url: string) {
  return {
    service: method.parent,
    requestMethod: "POST",
    url,
    header: new Headers(header as ConstructorParameters<typeof Headers>[0]),
  };
}

async function send(
  baseUrl: string,
  method: DescMethod,
  message: Message,
  { header, signal }: { readonly header: Headers; readonly signal: AbortSignal },
  fetch: TransportOptions["fetch"],
): Promise<Response> {
  const { verb, path, body } = toRestRequest(method, message);
  const headers = new Headers(header);
  headers.set("accept", method.methodKind === "unary" ? "application/json" : "text/event-stream");
  if (body !== undefined) headers.set("content-type", "application/json");
  let response: Response;
  try {
    response = await fetch(baseUrl + path, { method: verb, headers, signal, ...(body === undefined ? {} : { body }) });
  } catch (error) {
    throw unreachable(error);
  }
  if (response.ok) return response;
  const problem: unknown = await response.json().catch(() => undefined);
  // A proxy on the way that has nobody to ask.
  throw problem === undefined && response.status >= 502 ? unreachable(undefined) : fromProblem(problem);
}

async function readAnswer<D extends DescMessage>(schema: D, response: Response): Promise<MessageShape<D>> {
  try {
    return read(schema, (await response.json()) as JsonValue);
  } catch (error) {
    throw response.headers.get("content-type")?.includes("json") === true ? unreachable(error) : fromProblem(undefined);
  }
}

function read<D extends DescMessage>(schema: D, json: JsonValue): MessageShape<D> {
  return fromJson(schema, json, { ignoreUnknownFields: true });
}

async function* readEvents<D extends DescMessage>(schema: D, response: Response): AsyncGenerator<MessageShape<D>> {
  const events = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  const reader = events?.getReader();
  try {
    for (;;) {
      const { done = true, value } = (await reader?.read()) ?? {};
      if (done || value === undefined) return;
      const data = JSON.parse(value.data) as JsonValue;
      if (value.event === "error") throw fromProblem(data);
      yield read(schema, toMessage(schema, value, data));
    }
  } finally {
    await reader?.cancel().catch(() => undefined);
  }
}

/** An event of a message with a choice is named by what it has, which is its data, and its id is the message's `n`. */
function toMessage(schema: DescMessage, { event = "", id = "" }: EventSourceMessage, data: JsonValue): JsonValue {
  if (schema.oneofs.length === 0) return data;
  return { [event]: data, ...(id === "" ? {} : { n: Number(id) }) };
}
