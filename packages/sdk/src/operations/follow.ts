import { backoff } from "@berth/base";
import { operationService } from "@berth/contract";
import type { JsonValue } from "@bufbuild/protobuf";
import { EventSourceParserStream } from "eventsource-parser/stream";

import { createServiceClient } from "../client.ts";
import type { Connection } from "../connection.ts";
import { fromProblem, toApiError, unreachable } from "../error.ts";
import type { BerthApiError } from "../error.ts";
import { rest } from "../retry.ts";
import { fromNews, toOperationEvent } from "./events.ts";
import type { OperationEvent } from "./events.ts";

/** How an operation is followed. */
export interface FollowOptions {
  /** Number of the last event that is known already. */
  readonly after?: number;
  readonly signal?: AbortSignal;
}

/**
 * Follows an operation to its end, by server-sent events, or by WatchOperation where the connection speaks gRPC: the last
 * event is `operation`, done. A stream that breaks is resumed after its last event, on whichever replica answers, until `retry.attempts` in a row bring nothing.
 */
export async function* followOperation(
  connection: Connection,
  id: string,
  options: FollowOptions = {},
): AsyncGenerator<OperationEvent, void> {
  const { retry, clock } = connection;
  const { signal } = options;
  const read = connection.protocol === "grpc" ? readNews : readEvents;
  let after = options.after ?? 0;
  for (let failures = 0; ; failures++) {
    let ended: BerthApiError | undefined;
    try {
      for await (const event of read(connection, id, after, signal)) {
        failures = 0;
        if ("n" in event) after = event.n;
        yield event;
        if (event.type === "operation" && event.operation.done) return;
      }
    } catch (thrown) {
      ended = toApiError(thrown);
      if (ended.kind !== "unavailable" && ended.kind !== "exhausted") throw ended;
    }
    if (failures >= retry.attempts) throw ended ?? unreachable(undefined);
    await rest(clock.sleep(Math.max(backoff(failures, retry), ended?.retryAfterMs ?? 0), signal));
  }
}

async function* readNews(
  connection: Connection,
  id: string,
  after: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<OperationEvent> {
  const client = createServiceClient(connection, operationService.OperationService);
  for await (const news of client.watchOperation({ id, after }, signal === undefined ? {} : { signal })) {
    const event = fromNews(news);
    if (event !== undefined) yield event;
  }
}

async function* readEvents(
  connection: Connection,
  id: string,
  after: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<OperationEvent> {
  const response = await open(connection, id, after, signal);
  const events = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  if (events === undefined) throw unreachable(undefined);
  const reader = events.getReader();
  try {
    for (;;) {
      // What breaks while it is read is the network; what the caller ends is his.
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw signal?.aborted === true ? toApiError(abortOf(signal)) : unreachable(error);
      });
      if (done) return;
      const data = JSON.parse(value.data) as JsonValue;
      if (value.event === "error") throw fromProblem(data);
      const event = toOperationEvent(value.event ?? "", value.id ?? "", data);
      if (event !== undefined) yield event;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function open(connection: Connection, id: string, after: number, signal: AbortSignal | undefined) {
  const headers = { ...(await connection.headers()), accept: "text/event-stream" };
  const resumed = after === 0 ? headers : { ...headers, "last-event-id": String(after) };
  const url = `${connection.url}/v1/operations/${encodeURIComponent(id)}/events`;
  let response: Response;
  try {
    response = await connection.fetch(url, { headers: resumed, signal: signal ?? null });
  } catch (error) {
    throw signal?.aborted === true ? toApiError(abortOf(signal)) : unreachable(error);
  }
  if (response.ok) return response;
  const problem: unknown = await response.json().catch(() => undefined);
  // A proxy on the way that has nobody to ask.
  if (problem === undefined && response.status >= 502) throw unreachable(undefined);
  throw fromProblem(problem);
}

function abortOf({ reason }: AbortSignal): Error {
  return Object.assign(new Error("The call was given up.", { cause: reason }), { name: "AbortError" });
}
