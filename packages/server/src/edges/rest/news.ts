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
  return streamAnswer(streaming, request, reply, headers, async (events, signal) => {
    for await (const news of handler(message, request.berth, signal)) {
      const event = toEvent(method.output, news);
      if (event !== undefined) events.send(event.name, event.data, event.id);
      // Nobody reads what a HEAD is answered with.
      if (request.method === "HEAD") return;
      await events.taken();
    }
  });
}

interface NewsEvent {
  readonly name: string;
  readonly data: JsonValue;
  readonly id: number | string | undefined;
}

/**
 * A message as an event. One with a choice between messages is named by the one it has, which is its data, and its
 * number is its id; every other is named by its `type`, and its resume token is its id. Undefined of a choice that nothing is known of.
 */
function toEvent(output: DescMessage, news: Message): NewsEvent | undefined {
  const [choice] = output.oneofs;
  if (choice === undefined) {
    const { type: name = "message", resumeToken = "" } = news as { type?: string; resumeToken?: string };
    return { name, data: toAnswer(output, news), id: resumeToken === "" ? undefined : resumeToken };
  }
  const told = reflect(output, news);
  const field = told.oneofCase(choice);
  if (field?.fieldKind !== "message") return undefined;
  const { n = 0 } = news as { n?: number };
  return { name: field.name, data: toAnswer(field.message, told.get(field).message), id: n === 0 ? undefined : n };
}

/** Has whoever comes back go on where he was: a browser says `Last-Event-ID` where a request has a field for it. */
export function resume(message: Message, { headers }: FastifyRequest): void {
  const given = headers["last-event-id"];
  if (given === undefined || given === "" || typeof given !== "string") return;
  if ("resumeToken" in message && message.resumeToken === "") message.resumeToken = given.slice(0, 64);
  if (!("after" in message)) return;
  if (!/^\d{1,9}$/.test(given)) {
    throw new BerthError("INVALID_ARGUMENT", "The Last-Event-ID is no number of an event.", { field: "Last-Event-ID" });
  }
  message.after = Number(given);
}
