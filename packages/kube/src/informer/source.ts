import { BerthError } from "@berth/base";
import type { Clock } from "@berth/base";

import { fromStatus } from "../errors.ts";
import type { KubeStatus } from "../errors.ts";
import { firstAnswer } from "../first-answer.ts";
import { collectionPath, metadataOnly } from "../object.ts";
import type { KubeObject } from "../object.ts";
import { readLines } from "./lines.ts";
import type { InformerOptions } from "./types.ts";

/** A watch that is not accepted within so many milliseconds is asked for once more, beside the first. */
const ASK_AGAIN = 3_000;

/** An event of a watch, errors already thrown. */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: KubeObject;
}

/** One page of a list. */
export interface Page {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  /** Null where an empty list is asked for as metadata only. */
  readonly items: readonly KubeObject[] | null;
}

/** What is read, and by whom. */
export type Source = Pick<
  InformerOptions<unknown>,
  "client" | "resource" | "namespace" | "labelSelector" | "metadataOnly"
>;

/** Reads one page; an empty `from` means the first. */
export function readPage(
  source: Source,
  { limit, from, timeoutMs }: { readonly limit: number; readonly from: string; readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<Page> {
  return source.client.request<Page>({
    ...target(source, "PartialObjectMetadataList", {
      limit: String(limit),
      ...(from === "" ? {} : { continue: from }),
    }),
    ...{ signal, timeoutMs },
  });
}

/** Opens a watch and resolves once the API server has accepted it; bookmarks are asked for. An ERROR event is thrown. */
export async function openWatch(
  source: Source & { readonly clock: Clock },
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<AsyncGenerator<WatchEvent>> {
  const all = { ...query, watch: "true", allowWatchBookmarks: "true" };
  const asked = target(source, "PartialObjectMetadata", all);
  const ask = (one: AbortSignal) => source.client.stream({ ...asked, signal: one });
  return decode(await firstAnswer(ask, { clock: source.clock, everyMs: ASK_AGAIN }, signal));
}

async function* decode(bytes: AsyncIterable<Buffer>): AsyncGenerator<WatchEvent> {
  for await (const line of readLines(bytes)) {
    const event = parseEvent(line);
    if (event.type === "ERROR") {
      const status = event.object as unknown as KubeStatus & { readonly code?: number };
      throw fromStatus(status.code ?? 500, status);
    }
    yield event as WatchEvent;
  }
}

function parseEvent(line: string): { readonly type: string; readonly object: KubeObject } {
  try {
    return JSON.parse(line) as { type: string; object: KubeObject };
  } catch (error) {
    throw new BerthError("CLUSTER_UNREACHABLE", "A watch sent what is no event.", { cause: error });
  }
}

function target(source: Source, kind: Parameters<typeof metadataOnly>[0], query: Readonly<Record<string, string>>) {
  const { resource, namespace, labelSelector, metadataOnly: isMetadataOnly } = source;
  return {
    path: collectionPath(resource, namespace),
    query: { ...query, ...(labelSelector === undefined ? {} : { labelSelector }) },
    accept: isMetadataOnly === true ? metadataOnly(kind) : undefined,
  };
}
