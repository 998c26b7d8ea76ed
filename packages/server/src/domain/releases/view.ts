import type { Access, Principal } from "../access/index.ts";
import type { ClusterRegistry } from "../clusters/index.ts";
import type { ReleaseTarget } from "../command.ts";
import type { Summary } from "./decode.ts";
import { diffRevisions } from "./diff.ts";
import { parseLabelSelector } from "./label-selector.ts";
import { comparePlaces, parsePageToken, toPageToken } from "./page.ts";
import { provenanceOf } from "./provenance.ts";
import type { ReleaseIndex } from "./release-index.ts";
import type { StoredRevision } from "./stored-revision.ts";
import type { StuckJudge } from "./stuck.ts";
import type { Summaries } from "./summaries.ts";
import type { ListQuery, Release, ReleasePage, ReleaseReader, ReleaseView } from "./types.ts";

/** What the view of releases is made of. */
export interface ReleaseViewParts {
  readonly access: Access;
  readonly clusters: ClusterRegistry;
  readonly reader: ReleaseReader;
  readonly stuckOf: StuckJudge;
  /** Index and summaries of a known cluster. */
  readonly cache: (cluster: string) => { readonly index: ReleaseIndex; readonly summaries: Summaries };
}

/** Releases as a caller may see them: lists from the watch cache, the rest as Helm has stored it. */
export function createReleaseView(parts: ReleaseViewParts): ReleaseView {
  const { reader } = parts;
  const may = (principal: Principal, target: ReleaseTarget) => checkRead(parts, principal, "get", target);
  return {
    async list(principal, query) {
      await checkRead(parts, principal, "list", { ...query, name: "" });
      return list(parts, query);
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

/** Says of a newest revision whether it is stuck, as far as the cache knows just that one. */
function withStuck({ cache, stuckOf }: ReleaseViewParts, release: Release): Release {
  const { cluster, namespace, name } = release;
  const newest = cache(cluster).index.find(namespace, name);
  const isKnown = newest?.revision === release.revision && newest.status === release.status;
  return isKnown ? { ...release, stuck: stuckOf(cluster, newest) } : release;
}

async function list(parts: ReleaseViewParts, query: ListQuery): Promise<ReleasePage> {
  const { index, summaries } = parts.cache(query.cluster);
  const stuckOf = (revision: StoredRevision) => parts.stuckOf(query.cluster, revision);
  const matches = parseLabelSelector(query.labelSelector);
  const cursor = parsePageToken(query.pageToken);
  if (query.minResourceVersion !== "") await index.waitFor(query.minResourceVersion);

  const wanted = index.newest().filter((revision) => {
    const inNamespace = query.namespace === "" || revision.namespace === query.namespace;
    const inStatus = query.status.length === 0 || query.status.includes(revision.status);
    const isWanted = !query.stuck || stuckOf(revision) !== undefined;
    return inNamespace && inStatus && isWanted && matches(revision.labels);
  });
  const found = await filterByText(wanted, query.filter, summaries);
  found.sort(comparePlaces);

  const rest = cursor === undefined ? found : found.filter((revision) => comparePlaces(revision, cursor) > 0);
  const page = rest.slice(0, query.pageSize);
  const last = page.at(-1);
  const decoded = await summaries.of(page);
  return {
    releases: page.map((revision, i) => ({
      ...toRelease(query.cluster, revision, decoded[i] as Summary),
      stuck: stuckOf(revision),
    })),
    nextPageToken: last !== undefined && rest.length > page.length ? toPageToken(last) : "",
    totalSize: found.length,
  };
}

async function filterByText(
  revisions: StoredRevision[],
  text: string,
  summaries: Summaries,
): Promise<StoredRevision[]> {
  if (text === "") return revisions;
  const decoded = await summaries.of(revisions);
  return revisions.filter(
    (revision, i) => revision.name.includes(text) || decoded[i]?.chart?.name.includes(text) === true,
  );
}

function toRelease(cluster: string, revision: StoredRevision, summary: Summary): Release {
  const { namespace, name, status, labels } = revision;
  const made = provenanceOf({ ...summary, ...revision });
  return { cluster, namespace, name, revision: revision.revision, status, labels, ...summary, ...made };
}
