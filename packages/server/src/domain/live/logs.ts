import { BerthError, boundText } from "@berth/base";
import { hasStatus, objectPath } from "@berth/kube";

import type { Cluster } from "../clusters/index.ts";
import { readLogLines } from "./log-lines.ts";
import type { LogNews, LogQuery, PodState } from "./types.ts";

/** Bytes of a log that is not followed. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Milliseconds after which it is said that the log is open: a silent container's begins with its first line. */
const OPENED = 2_000;
/** Milliseconds for the first line of a container that is followed. */
const SILENCE = 24 * 3_600_000;
const PODS = { group: "", version: "v1", plural: "pods" };

/** A pod whose log may be read. */
export interface LogPod {
  readonly namespace: string;
  readonly name: string;
  readonly state: PodState;
}

/** Gives what a container prints, until it ends, or the signal aborts: then the API server's stream ends, too. */
export async function* streamLogs(
  { client }: Cluster,
  pod: LogPod,
  query: LogQuery,
  signal: AbortSignal,
): AsyncGenerator<LogNews> {
  const container = containerOf(pod, query.container);
  const ending = new AbortController();
  const opening = client.stream({
    path: objectPath({ resource: PODS, namespace: pod.namespace, name: pod.name, subresource: "log" }),
    query: queryOf(query, container),
    signal: AbortSignal.any([signal, ending.signal]),
    ...(query.follow ? { timeoutMs: SILENCE } : {}),
  });
  // Whatever becomes of it is heard below.
  opening.catch(() => undefined);
  try {
    await Promise.race([opening, pause(query.follow ? OPENED : SILENCE, ending.signal)]);
    yield { kind: "opened", container, lines: [] };
    const taken = { bytes: 0 };
    const bytes = count(await opening, query.follow ? Infinity : MAX_BYTES, taken);
    for await (const lines of readLogLines(bytes, query.timestamps)) yield { kind: "lines", container, lines };
    if (!query.follow && taken.bytes >= MAX_BYTES) yield { kind: "cut", container, lines: [] };
  } catch (error) {
    if (signal.aborted) return;
    throw explain(error, pod, container);
  } finally {
    ending.abort(new BerthError("CANCELLED", "Nobody reads the log any more."));
  }
}

function queryOf(query: LogQuery, container: string): Readonly<Record<string, string>> {
  const { follow, previous, timestamps, sinceSeconds, sinceTime, tailLines } = query;
  return {
    container,
    ...(follow ? { follow: "true" } : { limitBytes: String(MAX_BYTES) }),
    ...(previous ? { previous: "true" } : {}),
    ...(timestamps ? { timestamps: "true" } : {}),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds: String(sinceSeconds) }),
    ...(sinceTime === undefined ? {} : { sinceTime }),
    ...(tailLines === undefined ? {} : { tailLines: String(tailLines) }),
  };
}

function containerOf({ name, state }: LogPod, asked: string): string {
  if (asked === "") return state.defaultContainer;
  const names = state.containers.map((one) => one.name);
  if (names.includes(asked)) return asked;
  throw new BerthError("INVALID_ARGUMENT", `Pod "${name}" has no container "${asked}".`, {
    field: "container",
    hint: `It has: ${boundText(names.join(", "), 500)}.`,
  });
}

async function* count(bytes: AsyncIterable<Buffer>, max: number, taken: { bytes: number }): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    taken.bytes += chunk.length;
    yield chunk;
    if (taken.bytes >= max) return;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

/** The API server's word for a container that has no log, or not yet, is a bad request. */
function explain(error: unknown, { name }: LogPod, container: string): unknown {
  if (hasStatus(error, 404)) return noPod(name);
  if (!hasStatus(error, 400)) return error;
  const message = `Container "${container}" of pod "${name}" has no such log.`;
  return new BerthError("LOG_NOT_AVAILABLE", message, { reason: (error as Error).message, cause: error });
}

/** The tree has no such pod. */
export function noPod(name: string): BerthError {
  return new BerthError("POD_NOT_FOUND", `The release has no pod "${name}".`, { field: "pod" });
}
