import { BerthError } from "@berth/base";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Berth } from "../../berth.ts";
import { fromProgress } from "../shared/from-domain.ts";
import { operationJson } from "../shared/operation-json.ts";
import { streamAnswer } from "./stream.ts";

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
  return streamAnswer(berth, request, reply, { location: `/v1/operations/${id}` }, async ({ send }, signal) => {
    for await (const news of berth.operations.follow(berth.principal, id, after, signal)) {
      if (news.kind === "operation") send("operation", operationJson(news.operation));
      else if (news.kind === "gap") send("gap", { from: news.from, to: news.to });
      else send(news.event.type, fromProgress(news.event), news.n);
    }
  });
}

function lastEventOf({ headers }: FastifyRequest): number {
  const given = headers["last-event-id"];
  if (given === undefined || given === "") return 0;
  if (typeof given === "string" && /^\d{1,9}$/.test(given)) return Number(given);
  throw new BerthError("INVALID_ARGUMENT", "The Last-Event-ID is no number of an event.", { field: "Last-Event-ID" });
}
