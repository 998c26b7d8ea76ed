import { BerthError } from "@berth/base";
import type { Clock } from "@berth/base";

import type { Principal } from "../access/index.ts";
import type { StaleCluster } from "../clusters/index.ts";
import type { ExposurePage, ExposureQuery, ExposureView, News, PoolPage, PoolView } from "./types.ts";

/*
 * Lists over all clusters: each is asked alone, in the order of the names, and
 * one that cannot tell is named and keeps none back. What a caller may not list
 * there is left out.
 */

/** Milliseconds after which a cluster is asked again whose exposures were not known yet. */
const AGAIN = 1_000;

/** Clusters by name, and those that cannot be asked. */
export interface Across<V> {
  readonly views: ReadonlyMap<string, V>;
  readonly stale: readonly StaleCluster[];
}

/** A page of the exposures of all clusters. */
export async function listExposuresAcross(
  { views, stale }: Across<Pick<ExposureView, "list">>,
  principal: Principal,
  query: ExposureQuery,
  { size, token }: { readonly size: number; readonly token: string },
): Promise<ExposurePage> {
  const from = parseToken(token);
  const exposures: ExposurePage["exposures"][number][] = [];
  const staleClusters = [...stale];
  let [nextPageToken, totalSize] = ["", 0];
  for (const [cluster, view] of byName(views)) {
    const wanted = cluster < from.cluster ? 0 : size - exposures.length;
    const inner = cluster === from.cluster ? from.token : "";
    const page = await orNothing(
      cluster,
      view.list(principal, { ...query, cluster }, { size: wanted, token: inner }),
      NO_EXPOSURES,
    );
    staleClusters.push(...page.staleClusters);
    totalSize += page.totalSize;
    if (cluster < from.cluster) continue;
    exposures.push(...page.exposures);
    const hasMore = page.nextPageToken !== "" || (wanted === 0 && page.totalSize > 0);
    if (hasMore && nextPageToken === "") nextPageToken = toToken(cluster, page.nextPageToken);
  }
  return { exposures, nextPageToken, totalSize, staleClusters };
}

/** The pools of all clusters. */
export async function listPoolsAcross(
  { views, stale }: Across<Pick<PoolView, "list">>,
  principal: Principal,
): Promise<PoolPage> {
  const pages = await Promise.all(
    byName(views).map(([cluster, view]) => orNothing(cluster, view.list(principal, cluster), NO_POOLS)),
  );
  return {
    pools: pages.flatMap(({ pools }) => pools),
    staleClusters: [...stale, ...pages.flatMap(({ staleClusters }) => staleClusters)],
  };
}

/** What there is in all clusters that can tell, then what becomes of it, until the signal aborts. */
export async function* watchAcross<V, T>(
  views: ReadonlyMap<string, V>,
  watch: (view: V, cluster: string) => AsyncIterable<News<T>>,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): AsyncGenerator<News<T>> {
  const streams = [...views].map(([cluster, view]) => again(() => watch(view, cluster), clock, signal));
  const step = async (stream: (typeof streams)[number]) => ({ stream, result: await stream.next() });
  const waiting = new Map(streams.map((stream) => [stream, step(stream)]));
  const untold = new Set(streams);
  try {
    for (let isSynced = false; ;) {
      if (!isSynced && untold.size === 0) yield { kind: "synced" };
      isSynced ||= untold.size === 0;
      if (waiting.size === 0) return;
      const { stream, result } = await Promise.race(waiting.values());
      if (result.done === true) {
        waiting.delete(stream);
        untold.delete(stream);
        continue;
      }
      waiting.set(stream, step(stream));
      if (result.value.kind === "synced" || result.value.kind === "later") untold.delete(stream);
      else yield result.value;
    }
  } finally {
    await Promise.all(streams.map((stream) => stream.return(undefined)));
  }
}

/** A cluster's news; `later` where it cannot tell yet: it is told once it can. */
async function* again<T>(
  watch: () => AsyncIterable<News<T>>,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): AsyncGenerator<News<T> | { readonly kind: "later" }> {
  while (!signal.aborted) {
    try {
      yield* watch();
      return;
    } catch (error) {
      const code = error instanceof BerthError ? error.code : "";
      if (code === "FORBIDDEN") return;
      if (code !== "NOT_READY") throw error;
      yield { kind: "later" };
      await clock.sleep(AGAIN, signal).catch(() => undefined);
    }
  }
}

const NO_EXPOSURES: ExposurePage = { exposures: [], nextPageToken: "", totalSize: 0, staleClusters: [] };
const NO_POOLS: PoolPage = { pools: [], staleClusters: [] };

/** A cluster's part of a list; nothing where it may not be listed, or is not known yet. */
async function orNothing<P extends { readonly staleClusters: readonly StaleCluster[] }>(
  cluster: string,
  page: Promise<P>,
  nothing: P,
): Promise<P> {
  try {
    return await page;
  } catch (error) {
    if (!(error instanceof BerthError) || !/^(FORBIDDEN|NOT_READY)$/.test(error.code)) throw error;
    if (error.code === "FORBIDDEN") return nothing;
    return { ...nothing, staleClusters: [{ cluster, reason: error.message, knownAt: undefined }] };
  }
}

function byName<V>(views: ReadonlyMap<string, V>): readonly (readonly [string, V])[] {
  return [...views].sort(([a], [b]) => (a < b ? -1 : 1));
}

function toToken(cluster: string, token: string): string {
  return Buffer.from(`${cluster} ${token}`).toString("base64url");
}

function parseToken(text: string): { readonly cluster: string; readonly token: string } {
  if (text === "") return { cluster: "", token: "" };
  const [cluster = "", token, ...rest] = Buffer.from(text, "base64url").toString("utf8").split(" ");
  if (cluster !== "" && token !== undefined && rest.length === 0) return { cluster, token };
  throw new BerthError("INVALID_ARGUMENT", "The page token is not one of this list.", { field: "page_token" });
}
