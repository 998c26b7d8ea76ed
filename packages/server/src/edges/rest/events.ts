import { BerthError } from "@berth/base";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Berth } from "../../berth.ts";
import { toBerthError, toHttpStatus, toProblem } from "../shared/errors.ts";
import { fromProgress } from "../shared/from-domain.ts";
import { operationJson } from "../shared/operation-json.ts";
import { createEventStream } from "./event-stream.ts";

/** `GET /v1/operations/{id}/events`: server-sent events, resumed by `Last-Event-ID`. */
export function registerEvents(app: FastifyInstance, berth: Berth): void {
  app.get<{ Params: { id: string } }>("/v1/operations/:id/events", (request, reply) =>
    streamEvents(berth, request, reply, request.params.id, lastEventOf(request)),
  );
}

/** Streams an operation's events after a number, each with its own as its id, and ends with the operation. */
export async function streamEvents(
  berth: Berth,
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  after: number,
): Promise<unknown> {
  const { requestId } = request.berth;
  const events = createEventStream(reply.raw, {
    "x-request-id": requestId,
    location: `/v1/operations/${id}`,
  });
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort(new BerthError("CANCELLED", "The reader is gone.")));
  try {
    for await (const news of berth.operations.follow(berth.principal, id, after, gone.signal)) {
      if (news.kind === "operation") events.send("operation", operationJson(news.operation));
      else if (news.kind === "gap") events.send("gap", { from: news.from, to: news.to });
      else events.send(news.event.type, fromProgress(news.event), news.n);
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

function lastEventOf({ headers }: FastifyRequest): number {
  const given = headers["last-event-id"];
  if (given === undefined || given === "") return 0;
  if (typeof given === "string" && /^\d{1,9}$/.test(given)) return Number(given);
  throw new BerthError("INVALID_ARGUMENT", "The Last-Event-ID is no number of an event.", { field: "Last-Event-ID" });
}
