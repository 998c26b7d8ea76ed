import { BerthError } from "@berth/base";
import { toAnswer } from "@berth/contract";
import type { DescMethod, DescMessage, Message } from "@bufbuild/protobuf";
import type { JsonValue } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { FastifyReply, FastifyRequest } from "fastify";

import type { StreamHandler } from "../shared/handler.ts";
import { streamAnswer } from "./stream.ts";
import type { Streaming } from "./stream.ts";

/** One streaming RPC, and what is asked of it. */
export interface NewsCall {
  readonly method: DescMethod;
  readonly handler: StreamHandler;
  readonly message: Message;
  /** Of the answer, beside a stream's own. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Streams the messages of a streaming RPC as server-sent events, until they end or the reader is gone. */
export async function streamNews(
  streaming: Streaming,
  request: FastifyRequest,
  reply: FastifyReply,
  { method, handler, message, headers = {} }: NewsCall,
): Promise<unknown> {
  return streamAnswer(streaming, request, reply, headers, async (send, signal) => {
    for await (const news of handler(message, request.berth, signal)) {
      const event = toEvent(method.output, news);
      if (event !== undefined) send(event.name, event.data, event.id);
      // Nobody reads what a HEAD is answered with.
      if (request.method === "HEAD") return;
    }
  });
}

interface NewsEvent {
  readonly name: string;
  readonly data: JsonValue;
  readonly id: number | undefined;
}

/**
 * A message as an event. One with a choice between messages is named by the one it has, which is its data, and its
 * number is its id; every other is named by its `type`. Undefined of a choice that nothing is known of.
 */
function toEvent(output: DescMessage, news: Message): NewsEvent | undefined {
  const [choice] = output.oneofs;
  if (choice === undefined) {
    const { type: name = "message" } = news as { type?: string };
    return { name, data: toAnswer(output, news), id: undefined };
  }
  const told = reflect(output, news);
  const field = told.oneofCase(choice);
  if (field?.fieldKind !== "message") return undefined;
  const { n = 0 } = news as { n?: number };
  return { name: field.name, data: toAnswer(field.message, told.get(field).message), id: n === 0 ? undefined : n };
}

/** Has whoever comes back go on where he was: a browser says `Last-Event-ID` where a request has its `after`. */
export function resume(message: Message, { headers }: FastifyRequest): void {
  const given = headers["last-event-id"];
  if (given === undefined || given === "" || !("after" in message)) return;
  if (typeof given !== "string" || !/^\d{1,9}$/.test(given)) {
    throw new BerthError("INVALID_ARGUMENT", "The Last-Event-ID is no number of an event.", { field: "Last-Event-ID" });
  }
  message.after = Number(given);
}
