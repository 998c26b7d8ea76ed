import { toAnswer } from "@berth/contract";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { FastifyReply, FastifyRequest } from "fastify";

import type { Berth } from "../../berth.ts";
import type { StreamHandler } from "../shared/handler.ts";
import { streamAnswer } from "./stream.ts";

/** Streams the messages of a streaming RPC as server-sent events, each named by its `type`, until the reader is gone. */
export async function streamNews(
  berth: Berth,
  request: FastifyRequest,
  reply: FastifyReply,
  output: DescMessage,
  handler: StreamHandler,
  message: Message,
): Promise<unknown> {
  return streamAnswer(berth, request, reply, {}, async (send, signal) => {
    for await (const news of handler(message, request.berth, signal)) {
      const { type = "message" } = news as { type?: string };
      send(type, toAnswer(output, news));
    }
  });
}
