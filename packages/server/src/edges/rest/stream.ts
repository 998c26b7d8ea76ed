import { BerthError } from "@berth/base";
import type { FastifyReply, FastifyRequest } from "fastify";

import type { Berth } from "../../berth.ts";
import { toBerthError, toHttpStatus, toProblem } from "../shared/errors.ts";
import { createEventStream } from "./event-stream.ts";
import type { EventStream } from "./event-stream.ts";

/**
 * Answers with server-sent events that `fill` sends until it ends, or until its
 * signal aborts: the reader is gone. What it throws before the first event is
 * answered as any error; later it is an event itself.
 */
export async function streamAnswer(
  { log }: Pick<Berth, "log">,
  request: FastifyRequest,
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  fill: (events: Pick<EventStream, "send" | "taken">, signal: AbortSignal) => Promise<void>,
): Promise<unknown> {
  const { requestId } = request.berth;
  const events = createEventStream(reply.raw, { "x-request-id": requestId, ...headers });
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort(new BerthError("CANCELLED", "The reader is gone.")));
  try {
    await fill(events, gone.signal);
  } catch (error) {
    if (!events.isOpen()) throw error;
    const ours = toBerthError(error, log, requestId);
    events.send("error", { ...toProblem(ours, requestId), status: toHttpStatus(ours) });
  }
  reply.hijack();
  events.end();
  return reply;
}
