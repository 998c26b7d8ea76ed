import { backoff } from "@berth/base";
import { exposure, exposureService, poolService, release, releaseLiveService, releaseService } from "@berth/contract";
import { equals } from "@bufbuild/protobuf";
import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";

import { createServiceClient } from "./client.ts";
import type { CallOptions } from "./client.ts";
import type { Connection } from "./connection.ts";
import { toApiError, unreachable } from "./error.ts";
import type { BerthApiError } from "./error.ts";
import { rest } from "./retry.ts";

/** What happened to an object; `synced` once, when all that were there at the beginning are told. */
export type Change<T> =
  { readonly type: "added" | "modified" | "deleted"; readonly object: T } | { readonly type: "synced" };

/** How something is watched. */
export interface WatchOptions {
  readonly signal?: AbortSignal;
}

type WatchReleases = MessageInitShape<typeof releaseService.WatchReleasesRequestSchema>;

/** Watches exposures until the signal aborts, over breaks and restarts of Berth: each change is told once. */
export function watchExposures(
  connection: Connection,
  request: MessageInitShape<typeof exposureService.WatchExposuresRequestSchema>,
  options: WatchOptions = {},
): AsyncGenerator<Change<exposure.Exposure>, void> {
  const client = createServiceClient(connection, exposureService.ExposureService);
  return watch(connection, exposure.ExposureSchema, options, async function* (call) {
    for await (const { type, exposure: object } of client.watchExposures(request, call)) {
      yield { type, object, key: `${object?.cluster ?? ""}/${object?.namespace ?? ""}/${object?.name ?? ""}` };
    }
  });
}

/**
 * Watches releases until the signal aborts, over breaks and restarts of Berth:
 * what was missed meanwhile is told, without all the rest where Berth still knows it.
 */
export function watchReleases(
  connection: Connection,
  request: Omit<WatchReleases, "resumeToken">,
  options: WatchOptions = {},
): AsyncGenerator<Change<release.Release>, void> {
  const client = createServiceClient(connection, releaseService.ReleaseService);
  let resumeToken = "";
  async function* open(call: CallOptions) {
    for await (const news of client.watchReleases({ ...request, resumeToken } as WatchReleases, call)) {
      const { type, release: object } = news;
      const { cluster = "", namespace = "", name = "" } = object ?? {};
      yield { type, object, key: `${cluster}/${namespace}/${name}` };
      if (news.resumeToken !== "" || type === "reset") resumeToken = news.resumeToken;
    }
  }
  return watch(connection, release.ReleaseSchema, options, open, () => resumeToken !== "");
}

/** Watches the pools of a cluster, as watchExposures does. */
export function watchPools(
  connection: Connection,
  request: MessageInitShape<typeof poolService.WatchPoolsRequestSchema>,
  options: WatchOptions = {},
): AsyncGenerator<Change<poolService.Pool>, void> {
  const client = createServiceClient(connection, poolService.PoolService);
  return watch(connection, poolService.PoolSchema, options, async function* (call) {
    for await (const { type, pool: object } of client.watchPools(request, call)) {
      yield { type, object, key: `${object?.cluster ?? ""}/${object?.name ?? ""}` };
    }
  });
}

/** Watches what of a release runs, as watchExposures does; an owner is told before what it owns. It throws once the release is gone. */
export function watchReleaseTree(
  connection: Connection,
  request: MessageInitShape<typeof releaseLiveService.WatchReleaseTreeRequestSchema>,
  options: WatchOptions = {},
): AsyncGenerator<Change<releaseLiveService.TreeNode>, void> {
  const client = createServiceClient(connection, releaseLiveService.ReleaseLiveService);
  return watch(connection, releaseLiveService.TreeNodeSchema, options, async function* (call) {
    for await (const { type, node: object } of client.watchReleaseTree(request, call)) {
      const { apiVersion = "", kind = "", namespace = "", name = "" } = object?.object ?? {};
      yield { type, object, key: `${apiVersion}/${kind}/${namespace}/${name}` };
    }
  });
}

/** Watches what the cluster reports of a release's objects, as watchReleaseTree does. */
export function watchReleaseEvents(
  connection: Connection,
  request: MessageInitShape<typeof releaseLiveService.WatchReleaseEventsRequestSchema>,
  options: WatchOptions = {},
): AsyncGenerator<Change<releaseLiveService.ReleaseEvent>, void> {
  const client = createServiceClient(connection, releaseLiveService.ReleaseLiveService);
  return watch(connection, releaseLiveService.ReleaseEventSchema, options, async function* (call) {
    for await (const { type, event: object } of client.watchReleaseEvents(request, call)) {
      yield { type, object, key: `${object?.namespace ?? ""}/${object?.name ?? ""}` };
    }
  });
}

interface News<T> {
  readonly type: string;
  readonly key: string;
  readonly object: T | undefined;
}

async function* watch<D extends DescMessage>(
  { retry, clock }: Connection,
  schema: D,
  { signal }: WatchOptions,
  open: (options: CallOptions) => AsyncIterable<News<MessageShape<D>>>,
  resumes: () => boolean = () => false,
): AsyncGenerator<Change<MessageShape<D>>, void> {
  const known = new Map<string, MessageShape<D>>();
  let wasSynced = false;
  for (let failures = 0; ; failures++) {
    // Of the objects that were known before this stream, those that it has not told yet.
    const missing = new Set(resumes() ? [] : known.keys());
    let ended: BerthApiError | undefined;
    try {
      for await (const { type, key, object } of open(signal === undefined ? {} : { signal })) {
        failures = 0;
        missing.delete(key);
        const before = known.get(key);
        if (type === "reset") for (const before of known.keys()) missing.add(before);
        else if (type === "synced") {
          for (const gone of missing) {
            yield { type: "deleted", object: known.get(gone) as MessageShape<D> };
            known.delete(gone);
          }
          missing.clear();
          if (!wasSynced) yield { type: "synced" };
          wasSynced = true;
        } else if (object !== undefined && type === "deleted") {
          known.delete(key);
          yield { type, object };
        } else if (object !== undefined && (before === undefined || !equals(schema, before, object))) {
          known.set(key, object);
          yield { type: before === undefined ? "added" : "modified", object };
        }
      }
    } catch (thrown) {
      ended = toApiError(thrown);
      if (ended.kind !== "unavailable" && ended.kind !== "exhausted") throw ended;
    }
    if (failures >= retry.attempts) throw ended ?? unreachable(undefined);
    await rest(clock.sleep(backoff(failures, retry), signal));
  }
}
