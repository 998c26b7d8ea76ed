import { BerthError } from "@berth/base";
import type { Clock, Logger } from "@berth/base";

import { startDeadline } from "../deadline.ts";
import { hasStatus, isGone } from "../errors.ts";
import type { KubeObject } from "../object.ts";
import { startHeartbeat } from "../pulse.ts";
import type { Heartbeat } from "../pulse.ts";
import { openWatch, readPage } from "./source.ts";
import type { Source } from "./source.ts";

const PAGE = 500;
/** Milliseconds for a page: over a bad line it takes long. */
const PAGE_LIMIT = 120_000;
/** Milliseconds without anything new until a streaming list is given up. */
const STREAM_SILENCE = 30_000;
/** Seconds until the API server ends a streaming list. */
const STREAM_SECONDS = 300;
/** Milliseconds between two questions whether the API server answers at all. */
const PULSE = 10_000;
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
    const { client, clock, log, resource } = options;
    using heartbeat = startHeartbeat({ pulse: () => client.pulse(), clock, everyMs: PULSE }, signal);
    if (canStream) {
      into.clear();
      const version = await collectStream(options, into, heartbeat);
      if (version !== undefined) return version;
    }
    const version = await collectPages(options, into, heartbeat.signal);
    // Only who answers pages is known to have none: else it was the line.
    if (canStream) log.info({ resource: resource.plural }, "the API server has no streaming lists; pages are read");
    canStream = false;
    return version;
  };
}

/** Undefined where the API server does not know streaming lists. */
async function collectStream(
  options: CollectOptions,
  into: Collection,
  { signal, heard }: Heartbeat,
): Promise<string | undefined> {
  const silent = () => new BerthError("CLUSTER_UNREACHABLE", "A streaming list has no end.");
  using deadline = startDeadline(options.clock, STREAM_SILENCE, signal, silent);
  const end = options.clock.monotonic() + STREAM_SECONDS * 1000 - STREAM_SILENCE;
  try {
    // Without a resourceVersion: as new as the newest write anywhere.
    const timeoutSeconds = String(STREAM_SECONDS);
    const query = { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan", timeoutSeconds };
    for await (const { type, object } of await openWatch(options, query, deadline.signal)) {
      heard();
      if (type === "DELETED") into.remove(object);
      else if (type !== "BOOKMARK") into.add(object);
      else if (object.metadata.annotations?.[END] === "true") return object.metadata.resourceVersion ?? "";
      // However slowly it comes, what there is comes as added; what changes is not the list.
      if (type === "ADDED") deadline.extend();
    }
  } catch (error) {
    if (hasStatus(error, 400) || hasStatus(error, 422)) return undefined;
    // Servers before 1.27 ignore the parameter: a watch that never ends its beginning.
    if (deadline.signal.aborted && !signal.aborted) return undefined;
    throw error;
  }
  if (options.clock.monotonic() > end) return undefined;
  throw new BerthError("CLUSTER_UNREACHABLE", "A streaming list ended before its end.");
}

async function collectPages(options: CollectOptions, into: Collection, signal: AbortSignal): Promise<string> {
  for (let restarts = 0; ; restarts++) {
    into.clear();
    try {
      for (let from = ""; ;) {
        const page = await readPage(options, { limit: options.pageSize ?? PAGE, from, timeoutMs: PAGE_LIMIT }, signal);
        for (const object of page.items ?? []) into.add(object);
        from = page.metadata.continue ?? "";
        if (from === "") return page.metadata.resourceVersion;
      }
    } catch (error) {
      if (!isGone(error) || restarts >= RESTARTS) throw error;
    }
  }
}
