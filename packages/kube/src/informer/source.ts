import type { KubeObject } from "../connection.ts";
import { fromStatus } from "../errors.ts";
import type { KubeStatus } from "../errors.ts";
import { readLines } from "./lines.ts";
import type { InformerOptions } from "./types.ts";

/** An event of a watch, errors already thrown. */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: KubeObject;
}

interface Page {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly KubeObject[];
}

type SourceOptions = Pick<
  InformerOptions<unknown>,
  "client" | "resource" | "namespace" | "labelSelector" | "metadataOnly" | "pageSize"
>;

const PARTIAL = (kind: string) => `application/json;as=${kind};g=meta.k8s.io;v=v1`;

/**
 * Lists page by page and gives each page's objects; returns the resourceVersion
 * of the whole. Rejects with 410 where the API server forgets the list meanwhile.
 */
export async function* listPages(
  options: SourceOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly KubeObject[], string> {
  let next = "";
  for (;;) {
    const page: Page = await options.client.request<Page>({
      path: pathOf(options),
      query: {
        ...selector(options),
        limit: String(options.pageSize ?? 500),
        ...(next === "" ? {} : { continue: next }),
      },
      accept: options.metadataOnly === true ? PARTIAL("PartialObjectMetadataList") : undefined,
      signal,
    });
    yield page.items;
    next = page.metadata.continue ?? "";
    if (next === "") return page.metadata.resourceVersion;
  }
}

/** Watches from a resourceVersion for `seconds` at most. An ERROR event is thrown. */
export async function* watchFrom(
  options: SourceOptions,
  resourceVersion: string,
  seconds: number,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const bytes = await options.client.stream({
    path: pathOf(options),
    query: {
      ...selector(options),
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion,
      timeoutSeconds: String(seconds),
    },
    accept: options.metadataOnly === true ? PARTIAL("PartialObjectMetadata") : undefined,
    signal,
  });
  for await (const line of readLines(bytes)) {
    const event = JSON.parse(line) as { type: string; object: unknown };
    if (event.type === "ERROR") {
      const status = event.object as KubeStatus & { code?: number };
      throw fromStatus(status.code ?? 500, status);
    }
    yield event as WatchEvent;
  }
}

function pathOf({ resource, namespace }: SourceOptions): string {
  const root = resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  return `${root}${namespace === undefined ? "" : `/namespaces/${namespace}`}/${resource.plural}`;
}

function selector({ labelSelector }: SourceOptions): Record<string, string> {
  return labelSelector === undefined ? {} : { labelSelector };
}
