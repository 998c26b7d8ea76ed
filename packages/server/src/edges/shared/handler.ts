import { create } from "@bufbuild/protobuf";
import type {
  DescMethodServerStreaming,
  DescMethodUnary,
  Message,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";

import type { RequestContext, SubmitOptions } from "../../domain/operations/index.ts";

/** What a request is told beside its message; its signal aborts once nobody waits for its answer any more. */
export type Hints = Pick<SubmitOptions, "idempotencyKey" | "waitMs" | "onAccepted" | "signal">;

/** Answers one request of berth.v1; the message has been validated. */
export type Handler = (request: Message, context: RequestContext, hints?: Hints) => Promise<Message>;

/** The key of a method in a table of handlers. */
export function handlerKey(method: { readonly parent: { readonly typeName: string }; readonly name: string }): string {
  return `${method.parent.typeName}.${method.name}`;
}

/** An empty table of handlers, by `service.method`, and what fills it. */
export function createTable(): { readonly table: Map<string, Handler>; readonly on: AddHandler } {
  const table = new Map<string, Handler>();
  const on: AddHandler = (method, handle) =>
    table.set(handlerKey(method), async (request, context, hints) =>
      create(method.output, await handle(request as never, context, hints)),
    );
  return { table, on };
}

/** Adds what one RPC does. */
export type AddHandler = <M extends DescMethodUnary>(method: M, handle: Typed<M>) => void;

/** What one RPC does, with its own messages. */
export type Typed<M extends DescMethodUnary> = (
  request: MessageShape<M["input"]>,
  context: RequestContext,
  hints?: Hints,
) => Promise<MessageInitShape<M["output"]>>;

/** Answers one streaming request of berth.v1 until the signal aborts; the message has been validated. */
export type StreamHandler = (request: Message, context: RequestContext, signal: AbortSignal) => AsyncIterable<Message>;

/** Adds what one streaming RPC does. */
export type AddStream = <M extends DescMethodServerStreaming>(
  method: M,
  handle: (
    request: MessageShape<M["input"]>,
    context: RequestContext,
    signal: AbortSignal,
  ) => AsyncIterable<MessageInitShape<M["output"]>>,
) => void;
