import type { OperationEvent } from "@berth/sdk";

import type { Io } from "../io.ts";
import { paint } from "../output/color.ts";
import { plainText } from "../output/table.ts";

/** Shows how an operation goes on, on standard error. */
export interface Progress {
  show(event: OperationEvent): void;
  /** Takes the live line away. */
  end(): void;
}

/** Begins the terminal's present line anew. */
const CLEAR = "\r\u001b[2K";

/**
 * On a terminal one line that changes; elsewhere, where `wanted`, one line for each event. Hook logs stay in both.
 */
export function createProgress(io: Io, wanted: boolean): Progress {
  const { stderr } = io;
  const isLive = stderr.isTerminal && io.env["TERM"] !== "dumb";
  let last = "";
  const write = (text: string, stays: boolean) => {
    // A line that wraps could not be taken back.
    const short = text.slice(0, (stderr.width || 80) - 1);
    if (isLive) stderr.write(stays ? `${CLEAR}${text}\n` : `${CLEAR}${paint(io, stderr, "dim", short)}`);
    else if (wanted && text !== last) stderr.write(`${text}\n`);
    last = text;
  };
  return {
    show(event) {
      if (event.type === "operation" && event.operation.done) return;
      for (const line of toLines(event)) write(line, event.type === "log");
    },
    end() {
      if (isLive) stderr.write(CLEAR);
    },
  };
}

/** An event in words. */
function toLines(event: OperationEvent): string[] {
  switch (event.type) {
    case "operation":
      return [`${event.operation.id} ${event.operation.phase || "queued"}`];
    case "gap":
      return [`(events ${String(event.from)} to ${String(event.to)} are not kept any more)`];
    case "phase":
      return [event.phase];
    case "applied":
      return [`applied ${String(event.done)} of ${String(event.total)}: ${nameOf(event.object)}`];
    case "status":
      return [plainText(`${nameOf(event.object)}: ${event.status}${event.reason === "" ? "" : ` (${event.reason})`}`)];
    case "hook":
      return [`hook ${event.name} (${event.event}): ${event.phase}`];
    case "log":
      return plainText(event.text)
        .trimEnd()
        .split("\n")
        .map((line) => `${event.pod}: ${line}`);
  }
}

function nameOf({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind} ${name}`;
}
