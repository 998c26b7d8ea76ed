import type { KubeClient, ObjectMetadata } from "@berth/kube";

import type { TestBerth } from "./berth.ts";

/** A release of a list as REST answers it. */
export interface ListedRelease {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  readonly status: string;
  readonly chart?: { readonly name: string; readonly version: string };
}

/** A list, and how much it says of itself. */
export interface ReleaseList {
  readonly status: number;
  readonly releases: readonly ListedRelease[];
  readonly stale: readonly { readonly cluster: string; readonly reason: string; readonly known_at?: string }[];
  /** Whether it says that it knows all there is. */
  readonly isKnown: boolean;
}

/**
 * One page of the releases of a cluster; `-`: of all. The tests share a home, so
 * that each Berth sees clusters of other tests, too: only `own` are told of.
 */
export async function listReleases(
  berth: TestBerth,
  cluster: string,
  query: string,
  own: readonly string[] = [],
): Promise<ReleaseList> {
  const isOwn = (one: { readonly cluster: string }) => own.length === 0 || own.includes(one.cluster);
  const { status, body } = await berth.request<{
    releases?: ListedRelease[];
    stale_clusters?: ReleaseList["stale"];
    pending_summaries?: number;
  }>("GET", `/v1/clusters/${cluster}/releases?${query}`);
  const { pending_summaries: pending = 0 } = body;
  const releases = (body.releases ?? []).filter(isOwn);
  const stale = (body.stale_clusters ?? []).filter(isOwn);
  return { status, releases, stale, isKnown: status === 200 && stale.length === 0 && pending === 0 };
}

/** A release as a line: where it is, its newest revision and its status. */
export function toLine({ namespace, name, revision, status }: ListedRelease): string {
  return `${namespace}/${name} ${String(revision)} ${status}`;
}

/** What a full LIST of Secrets and ConfigMaps says: the newest revision of each release, as lines in order. */
export async function newestByList(kube: KubeClient): Promise<string[]> {
  const newest = new Map<string, ListedRelease>();
  for (const plural of ["secrets", "configmaps"]) {
    const { items } = await kube.request<{ items: { metadata: ObjectMetadata }[] }>({
      path: `/api/v1/${plural}`,
      query: { labelSelector: "owner=helm" },
    });
    for (const { metadata } of items) {
      const { name = "", version = "", status = "" } = metadata.labels ?? {};
      const { namespace = "" } = metadata;
      const known = newest.get(`${namespace}/${name}`)?.revision ?? 0;
      const one = { cluster: "", namespace, name, revision: Number(version), status };
      if (known < one.revision) newest.set(`${namespace}/${name}`, one);
    }
  }
  return [...newest.values()].map(toLine).sort();
}
