import { BerthError } from "@berth/base";
import { toAnswer } from "@berth/contract";
import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { FastifyReply, FastifyRequest } from "fastify";

import type { Berth } from "../../berth.ts";
import { toBerthError, toHttpStatus, toProblem } from "../shared/errors.ts";
import type { StreamHandler } from "../shared/handler.ts";
import { createEventStream } from "./event-stream.ts";

/** Streams the messages of a streaming RPC as server-sent events, each named by its `type`, until the reader is gone. */
export async function streamNews(
  berth: Berth,
  request: FastifyRequest,
  reply: FastifyReply,
  output: DescMessage,
  handler: StreamHandler,
  message: Message,
): Promise<unknown> {
  const { requestId } = request.berth;
  const events = createEventStream(reply.raw, { "x-request-id": requestId });
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort(new BerthError("CANCELLED", "The reader is gone.")));
  try {
    for await (const news of handler(message, request.berth, gone.signal)) {
      const { type = "message" } = news as { type?: string };
      events.send(type, toAnswer(output, news));
    }
  } catch (error) {
    if (!events.isOpen()) throw error;
    const ours = toBerthError(error, berth.log, requestId);
    events.send("error", { ...toProblem(ours, requestId), status: toHttpStatus(ours) });
  }
  reply.hijack();
  events.end();
  return reply;
}
