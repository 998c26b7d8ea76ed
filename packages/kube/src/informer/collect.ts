import { BerthError } from "@berth/base";
import type { Clock, Logger } from "@berth/base";

import { startDeadline } from "../deadline.ts";
import { hasStatus, isGone } from "../errors.ts";
import type { KubeObject } from "../object.ts";
import { openWatch, readPage } from "./source.ts";
import type { Source } from "./source.ts";

const PAGE = 500;
/** Milliseconds without anything new until a streaming list is given up. */
const STREAM_SILENCE = 30_000;
/** Lists begun anew because the API server forgot one while it was read. */
const RESTARTS = 3;
const END = "k8s.io/initial-events-end";

/** Takes objects as they come; a list that has to begin anew clears it. */
export interface Collection {
  add(object: KubeObject): void;
  remove(object: KubeObject): void;
  clear(): void;
}

/** Reads all objects as they are now into a collection and gives the resourceVersion at which they were so. */
export type Collect = (into: Collection, signal: AbortSignal) => Promise<string>;

/** How a collector lists. */
export interface CollectOptions extends Source {
  readonly streamingList?: boolean | undefined;
  readonly pageSize?: number | undefined;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * Makes a collector: by a streaming list, which the API server serves from its
 * cache without building the whole in memory; page by page where it has none.
 */
export function createCollect(options: CollectOptions): Collect {
  let canStream = options.streamingList !== false;
  return async (into, signal) => {
    if (canStream) {
      into.clear();
      const version = await collectStream(options, into, signal);
      if (version !== undefined) return version;
      canStream = false;
      options.log.info({ resource: options.resource.plural }, "the API server has no streaming lists; pages are read");
    }
    return collectPages(options, into, signal);
  };
}

/** Undefined where the API server does not know streaming lists. */
async function collectStream(
  options: CollectOptions,
  into: Collection,
  signal: AbortSignal,
): Promise<string | undefined> {
  const silent = () => new BerthError("CLUSTER_UNREACHABLE", "A streaming list has no end.");
  using deadline = startDeadline(options.clock, STREAM_SILENCE, signal, silent);
  let count = 0;
  try {
    // Without a resourceVersion: as new as the newest write anywhere.
    const query = { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan", timeoutSeconds: "300" };
    for await (const { type, object } of await openWatch(options, query, deadline.signal)) {
      if (type === "DELETED") into.remove(object);
      else if (type !== "BOOKMARK") into.add(object);
      else if (object.metadata.annotations?.[END] === "true") return object.metadata.resourceVersion ?? "";
      if (++count % PAGE === 0) deadline.extend();
    }
  } catch (error) {
    if (hasStatus(error, 400) || hasStatus(error, 422)) return undefined;
    // Servers before 1.27 ignore the parameter: a watch that never ends its beginning.
    if (deadline.signal.aborted && !signal.aborted) return undefined;
    throw error;
  }
  throw new BerthError("CLUSTER_UNREACHABLE", "A streaming list ended before its end.");
}

async function collectPages(options: CollectOptions, into: Collection, signal: AbortSignal): Promise<string> {
  for (let restarts = 0; ; restarts++) {
    into.clear();
    try {
      for (let from = ""; ;) {
        const page = await readPage(options, options.pageSize ?? PAGE, from, signal);
        for (const object of page.items ?? []) into.add(object);
        from = page.metadata.continue ?? "";
        if (from === "") return page.metadata.resourceVersion;
      }
    } catch (error) {
      if (!isGone(error) || restarts >= RESTARTS) throw error;
    }
  }
}
