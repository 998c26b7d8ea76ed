import type { Access, Principal } from "../access/index.ts";
import type { ClusterRegistry } from "../clusters/index.ts";
import type { ReleaseTarget } from "../command.ts";
import { diffRevisions } from "./diff.ts";
import { ALL_CLUSTERS } from "./filter.ts";
import { listReleases, listRevisions } from "./list.ts";
import type { Release, ReleaseReader, ReleaseView } from "./types.ts";
import { watchReleases } from "./watch.ts";
import type { WatchParts } from "./watch.ts";

/** What the view of releases is made of. */
export interface ReleaseViewParts extends WatchParts {
  readonly access: Access;
  readonly clusters: ClusterRegistry;
  readonly reader: ReleaseReader;
}

/** Releases as a caller may see them: lists from the watch cache, the rest as Helm has stored it. */
export function createReleaseView(parts: ReleaseViewParts): ReleaseView {
  const { reader } = parts;
  const may = (principal: Principal, target: ReleaseTarget) => checkRead(parts, principal, "get", target);
  return {
    async list(principal, query) {
      await checkList(parts, principal, "list", query);
      return query.allRevisions ? listRevisions(parts, query) : listReleases(parts, query);
    },
    async *watch(principal, filter, resumeToken, signal) {
      await checkList(parts, principal, "watch", filter);
      yield* watchReleases(parts, filter, resumeToken, signal);
    },
    async get(principal, target, revision, options) {
      await may(principal, target);
      return withStuck(parts, (await reader.content(principal, target, revision, options)).release);
    },
    async history(principal, target, max, options) {
      await may(principal, target);
      return reader.history(principal, target, max, options);
    },
    async content(principal, target, revision, options) {
      await may(principal, target);
      return reader.content(principal, target, revision, options);
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
      return diffRevisions(older, newer);
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

async function checkList(
  parts: ReleaseViewParts,
  principal: Principal,
  verb: string,
  { cluster, namespace }: { readonly cluster: string; readonly namespace: string },
): Promise<void> {
  if (cluster !== ALL_CLUSTERS) return checkRead(parts, principal, verb, { cluster, namespace, name: "" });
  for (const { name } of parts.clusters.list()) {
    await parts.access.check(principal, { verb, resource: "releases", cluster: name, namespace, name: "" });
  }
}

/** Says of a newest revision whether it is stuck, as far as the cache knows just that one. */
function withStuck({ indexOf, stuckOf }: ReleaseViewParts, release: Release): Release {
  const { cluster, namespace, name } = release;
  const newest = indexOf(cluster)?.find(namespace, name);
  const isKnown = newest?.revision === release.revision && newest.status === release.status;
  return isKnown ? { ...release, stuck: stuckOf(cluster, newest) } : release;
}
