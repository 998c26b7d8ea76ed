import type { ServerResponse } from "node:http";

/** Milliseconds between comments that keep a silent stream open. */
const HEARTBEAT = 15_000;
/** Bytes that may wait for a slow reader before it is cut off. */
const BACKLOG = 1024 * 1024;

/** Server-sent events on one response. A reader that is gone or too slow gets no more of them. */
export interface EventStream {
  isOpen(): boolean;
  /** Opens the stream with the first event. `id`: what a reader that comes back names as the last it has seen. */
  send(event: string, data: unknown, id?: number | string): void;
  /** Resolves once the reader has taken most of what was sent: who has much to tell waits for it. */
  taken(): Promise<void>;
  end(): void;
}

/** Makes an event stream; nothing is written before the first event. */
export function createEventStream(response: ServerResponse, headers: Readonly<Record<string, string>>): EventStream {
  let isOpen = false;
  let heartbeat: NodeJS.Timeout | undefined;
  let isGone = false;
  response.once("close", () => {
    isGone = true;
    clearInterval(heartbeat);
  });
  const write = (text: string) => {
    if (isGone) return;
    if (response.writableLength > BACKLOG) response.destroy();
    else response.write(text);
  };
  return {
    isOpen: () => isOpen,
    send(event, data, id) {
      if (!isOpen && !isGone) {
        response.writeHead(200, { ...headers, "content-type": "text/event-stream", "cache-control": "no-store" });
        heartbeat = setInterval(() => write(": still running\n\n"), HEARTBEAT);
      }
      isOpen = true;
      write(`${id === undefined ? "" : `id: ${String(id)}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    },
    async taken() {
      if (isGone || response.writableLength < BACKLOG / 4) return;
      await new Promise<void>((resolve) => {
        response.once("drain", resolve);
        response.once("close", resolve);
      });
    },
    end() {
      clearInterval(heartbeat);
      if (!isGone) response.end();
    },
  };
}
