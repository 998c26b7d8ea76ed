import { toAnswer } from "@berth/contract";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { FastifyReply, FastifyRequest } from "fastify";

import type { Berth } from "../../berth.ts";
import type { StreamHandler } from "../shared/handler.ts";
import { streamAnswer } from "./stream.ts";

/** A browser that was cut off says in a header of the standard where it was. */
function resumed(message: Message, { headers }: FastifyRequest): Message {
  const last = headers["last-event-id"];
  const isNew = "resumeToken" in message && message.resumeToken === "" && typeof last === "string";
  return isNew ? ({ ...message, resumeToken: last.slice(0, 64) } as Message) : message;
}

/** Streams the messages of a streaming RPC as server-sent events, each named by its `type`, until the reader is gone. */
export async function streamNews(
  berth: Berth,
  request: FastifyRequest,
  reply: FastifyReply,
  output: DescMessage,
  handler: StreamHandler,
  message: Message,
): Promise<unknown> {
  return streamAnswer(berth, request, reply, {}, async (events, signal) => {
    for await (const news of handler(resumed(message, request), request.berth, signal)) {
      const { type = "message", resumeToken = "" } = news as { type?: string; resumeToken?: string };
      events.send(type, toAnswer(output, news), resumeToken === "" ? undefined : resumeToken);
      await events.taken();
    }
  });
}
