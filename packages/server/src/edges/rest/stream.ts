import type { Logger } from "@berth/base";
import type { FastifyReply, FastifyRequest } from "fastify";

import { toBerthError, toHttpStatus, toProblem } from "../shared/errors.ts";
import { callerGone } from "../shared/signals.ts";
import { createEventStream } from "./event-stream.ts";
import type { EventStream } from "./event-stream.ts";

/** What streams are made with. */
export interface Streaming {
  readonly log: Logger;
  /** Aborted when the port is to close: streams end, and their readers come back elsewhere. */
  readonly closing: AbortSignal;
}

/**
 * Answers with server-sent events that `fill` sends until it ends, or until its
 * signal aborts: the reader is gone, or Berth is about to be. What it throws
 * before the first event is answered as any error; later it is an event itself.
 */
export async function streamAnswer(
  { log, closing }: Streaming,
  request: FastifyRequest,
  reply: FastifyReply,
  headers: Readonly<Record<string, string>>,
  fill: (events: Pick<EventStream, "send" | "taken">, signal: AbortSignal) => Promise<void>,
): Promise<unknown> {
  const { requestId } = request.berth;
  const events = createEventStream(reply.raw, { "x-request-id": requestId, ...headers });
  try {
    await fill(events, AbortSignal.any([callerGone(reply.raw), closing]));
  } catch (error) {
    if (!events.isOpen()) throw error;
    // A browser comes back by itself after an end, and takes an error for another thing.
    if (!closing.aborted) {
      const ours = toBerthError(error, log, requestId);
      events.send("error", { ...toProblem(ours, requestId), status: toHttpStatus(ours) });
    }
  }
  reply.hijack();
  events.end();
  return reply;
}
