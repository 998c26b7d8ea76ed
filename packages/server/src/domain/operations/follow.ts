import type { ProgressEvent } from "../releases/index.ts";
import type { Followers } from "./followers.ts";
import type { HomeWrites } from "./store/writes.ts";
import { hasEnded, toOperation } from "./record.ts";
import type { OperationRecord } from "./record.ts";
import type { OperationEvent, OperationNews } from "./types.ts";

/**
 * Tells what happens to an operation from its event number `after` on: each
 * event once, in order, whichever replica is asked; what is not kept any more as
 * a gap. Ends with the operation as it ended, or where it is removed.
 */
export async function* follow(
  { followers, writes }: { readonly followers: Followers; readonly writes: HomeWrites },
  id: string,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<OperationNews> {
  let told = after;
  let state = "";
  let seen: OperationRecord | undefined;
  for (;;) {
    seen = await followers.next(id, seen, signal);
    if (seen === undefined) return;
    const operation = toOperation(seen);
    const isEnd = hasEnded(seen);
    if (operation.state !== state && !isEnd) yield { kind: "operation", operation };
    state = operation.state;
    const { events = [], lastEvent = 0 } = seen.status ?? {};
    const fresh = events.filter(({ n }) => n > told);
    const first = fresh[0]?.n ?? lastEvent + 1;
    if (first > told + 1) yield { kind: "gap", from: told + 1, to: first - 1 };
    const texts = fresh.some(({ type }) => type === "log") ? await writes.readLogs(id) : {};
    for (const event of fresh) yield { kind: "event", n: event.n, event: toProgress(event, texts) };
    told = Math.max(told, lastEvent);
    if (isEnd) {
      yield { kind: "operation", operation };
      return;
    }
  }
}

function toProgress({ n, time, ...rest }: OperationEvent, texts: Readonly<Record<string, string>>): ProgressEvent {
  const text = rest.type === "log" ? { text: texts[String(n)] ?? "" } : {};
  const event: unknown = { ...rest, ...text, time: new Date(time) };
  // What is stored was made of one.
  return event as ProgressEvent;
}
