import type { Access, Principal } from "../access/index.ts";
import { ALL_CLUSTERS } from "../clusters/index.ts";
import type { ClusterRegistry } from "../clusters/index.ts";
import type { ReleaseTarget } from "../command.ts";
import { diffRevisions } from "./diff.ts";
import { SEES_ALL } from "./filter.ts";
import type { RowMatcher } from "./filter.ts";
import { createKeptReleases } from "./kept.ts";
import { listReleases, listRevisions } from "./list.ts";
import { showContent } from "./shown.ts";
import type { Release, ReleaseReader, ReleaseView, RevisionContent } from "./types.ts";
import { watchReleases } from "./watch.ts";
import type { WatchParts } from "./watch.ts";

/** What the view of releases is made of. */
export interface ReleaseViewParts extends Omit<WatchParts, "sees"> {
  readonly access: Access;
  readonly clusters: ClusterRegistry;
  readonly reader: ReleaseReader;
}

/** Releases as a caller may see them: lists from the watch cache, the rest as Helm has stored it. */
export function createReleaseView(parts: ReleaseViewParts): ReleaseView {
  const { reader } = parts;
  const kept = createKeptReleases(parts);
  const may = (principal: Principal, target: ReleaseTarget) => checkRead(parts, principal, "get", target);
  return {
    async list(principal, query) {
      const sees = await scopeOf(parts, principal, "list", query);
      return query.allRevisions ? listRevisions(parts, query, sees) : listReleases(parts, query, sees);
    },
    async *watch(principal, filter, resumeToken, signal) {
      // Rights change while somebody watches: each cluster's are asked again, as often as their answers count.
      const sees = () => scopeOf(parts, principal, "watch", filter);
      yield* watchReleases({ ...parts, sees }, filter, resumeToken, signal);
    },
    async get(principal, target, revision, options) {
      await may(principal, target);
      const { minResourceVersion = "" } = options ?? {};
      if (minResourceVersion !== "") return kept.get(principal, target, revision, { ...options, minResourceVersion });
      return withStuck(parts, (await reader.content(principal, target, revision, options)).release);
    },
    async history(principal, target, max, options) {
      await may(principal, target);
      return reader.history(principal, target, max, options);
    },
    async content(principal, target, revision, options) {
      await may(principal, target);
      const content = await reader.content(principal, target, revision, options);
      return showContent(parts.access, principal, target, content);
    },
    async status(principal, target, revision, options) {
      await may(principal, target);
      return reader.status(principal, target, revision, options);
    },
    async check(principal, target, options) {
      await may(principal, target);
      return reader.check(principal, target, options);
    },
    async diff(principal, target, from, to, options) {
      await may(principal, target);
      const newer = await reader.content(principal, target, to, options);
      const before = from === 0 ? newer.release.revision - 1 || 1 : from;
      const older = await reader.content(principal, target, before, options);
      const show = (...contents: [RevisionContent, RevisionContent?]) =>
        showContent(parts.access, principal, target, ...contents);
      return diffRevisions([older, newer], [await show(older), await show(newer, older)]);
    },
  };
}

async function checkRead(
  parts: ReleaseViewParts,
  principal: Principal,
  verb: string,
  target: ReleaseTarget,
): Promise<void> {
  parts.clusters.get(target.cluster);
  const { cluster, namespace, name } = target;
  await parts.access.check(principal, { verb, resource: "releases", cluster, namespace, name });
}

/**
 * Which rows of a list the principal may see. A namespace that is named has to
 * be allowed (FORBIDDEN); of a list of all, what is not allowed is left out.
 */
async function scopeOf(
  { access, clusters, clusterNames, table }: ReleaseViewParts,
  principal: Principal,
  verb: string,
  { cluster: asked, namespace }: { readonly cluster: string; readonly namespace: string },
): Promise<RowMatcher> {
  if (asked !== ALL_CLUSTERS) clusters.get(asked);
  if (asked !== ALL_CLUSTERS && namespace !== "") {
    await access.check(principal, { verb, resource: "releases", cluster: asked, namespace, name: "" });
    return SEES_ALL;
  }
  const names = asked === ALL_CLUSTERS ? clusterNames() : [asked];
  const scopes = new Map<string, "all" | ReadonlySet<string>>();
  const look = async (cluster: string) => {
    const request = { verb, resource: "releases", cluster };
    const namespaces = () => (namespace === "" ? table.namespaces(cluster) : [namespace]);
    // Who may not be asked about is not seen: the cluster is among those that are not heard of.
    scopes.set(cluster, await access.scope(principal, request, namespaces).catch(() => new Set<string>()));
  };
  await Promise.all(names.map(look));
  if ([...scopes.values()].every((scope) => scope === "all")) return SEES_ALL;
  return ({ cluster, revision }) => {
    const scope = scopes.get(cluster);
    return scope === "all" || scope?.has(revision.namespace) === true;
  };
}

/** Says of a newest revision whether it is stuck, as far as the cache knows just that one. */
function withStuck({ indexOf, stuckOf }: ReleaseViewParts, release: Release): Release {
  const { cluster, namespace, name } = release;
  const newest = indexOf(cluster)?.find(namespace, name);
  const isKnown = newest?.revision === release.revision && newest.status === release.status;
  return isKnown ? { ...release, stuck: stuckOf(cluster, newest) } : release;
}
