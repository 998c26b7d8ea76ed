/** One server-sent event. */
export interface ServerEvent {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Sends a write that asks for its events, and gives them as they come. */
export async function* sendForEvents(
  url: string,
  method: string,
  body: unknown,
  signal?: AbortSignal,
): AsyncGenerator<ServerEvent> {
  const response = await fetch(url, {
    method,
    headers: { accept: "text/event-stream", "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: signal ?? null,
  });
  yield* parse(response);
}

/** Reads a stream of events to its end. */
export async function* readEvents(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): AsyncGenerator<ServerEvent> {
  yield* parse(await fetch(url, { headers: { accept: "text/event-stream", ...headers }, signal: signal ?? null }));
}

async function* parse(response: Response): AsyncGenerator<ServerEvent> {
  if (response.body === null) throw new Error(`The answer ${String(response.status)} has no body.`);
  let rest = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const fields = new Map(part.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]));
      const data = fields.get("data");
      if (data === undefined) continue;
      yield {
        id: fields.get("id") ?? "",
        event: fields.get("event") ?? "",
        data: JSON.parse(data) as Record<string, unknown>,
      };
    }
  }
}
