import { asBerthError } from "@berth/base";

import type { Principal } from "../access/index.ts";
import type { ChartPolicy, ChartReader, SourceLookup } from "../charts/index.ts";
import type { AskOptions, ChartReference } from "../command.ts";
import { UNNARROWED } from "./filter.ts";
import type { OutdatedLister, OutdatedQuery, OutdatedRelease, Release, ReleaseView } from "./types.ts";

/** Sources asked at the same time. */
const AT_ONCE = 4;

/** What the lister is made of. */
export interface OutdatedParts {
  readonly releases: ReleaseView;
  readonly charts: ChartReader;
  readonly policy: ChartPolicy;
  readonly sources: SourceLookup;
}

/** Finds releases whose source has a newer version: by the source that each revision carries. */
export function createOutdatedLister(parts: OutdatedParts): OutdatedLister {
  return async (principal, query, options) => {
    const page = await parts.releases.list(principal, { ...UNNARROWED, ...query });
    const asked = new Map<string, Promise<Newest>>();
    const ask = (release: Release): Promise<Newest> => {
      const { namespace, provenance, chart, summaryPending } = release;
      const key = [namespace, provenance["chart-source"], chart?.version, summaryPending].join(" ");
      const known = asked.get(key) ?? findNewest(parts, principal, release, { ...query, ...options });
      asked.set(key, known);
      return known;
    };
    const found: OutdatedRelease[] = [];
    for (let i = 0; i < page.releases.length; i += AT_ONCE) {
      const some = page.releases.slice(i, i + AT_ONCE);
      const newest = await Promise.all(some.map(ask));
      some.forEach((release, at) => {
        const { version = "", code = "" } = newest[at] ?? {};
        if (version !== "" || code !== "") found.push(toOutdated(release, version, code));
      });
    }
    return { releases: found, nextPageToken: page.nextPageToken, staleClusters: page.staleClusters };
  };
}

interface Newest {
  /** Absent where there is no newer one. */
  readonly version?: string;
  /** Why the source could not be asked. */
  readonly code?: string;
}

async function findNewest(
  { charts, policy, sources }: OutdatedParts,
  principal: Principal,
  { namespace, chart, provenance, summaryPending }: Release,
  { version, signal }: OutdatedQuery & AskOptions,
): Promise<Newest> {
  if (summaryPending === true) return { code: "NOT_READY" };
  const reference = toReference(provenance["chart-source"] ?? "", policy, sources.list(namespace));
  if (reference === undefined || chart === undefined) return { code: "CHART_NOT_FOUND" };
  try {
    const range = [`>${chart.version}`, ...(version === "" ? [] : [version])].join(", ");
    const first = { offset: 0, limit: 1 };
    const { items } = await charts.versions(principal, { namespace, chart: reference }, range, first, { signal });
    const [newest] = items;
    return newest === undefined ? {} : { version: newest.version };
  } catch (error) {
    signal?.throwIfAborted();
    return { code: asBerthError(error).code };
  }
}

/**
 * A source as a chart whose versions can be listed: by the name that a
 * ChartSource or the configuration has for it, for those have the credentials.
 */
export function toReference(
  source: string,
  { repositories }: ChartPolicy,
  sources: ReturnType<SourceLookup["list"]> = [],
): ChartReference | undefined {
  const place = source.replace(/@sha256:[0-9a-f]{64}$/, "").replace(/:[^:/]+$/, "");
  const slash = place.lastIndexOf("/");
  if (!/^(https?|oci):\/\/./.test(place) || slash < 8 || source.endsWith(".tgz")) return undefined;
  const [repository, name] = [place.slice(0, slash), place.slice(slash + 1)];
  const same = (url: string) => url.replace(/\/index\.yaml$/, "").replace(/\/+$/, "") === repository;
  const declared = sources.find(({ url }) => same(url))?.name;
  if (declared !== undefined) return { source: declared, name };
  const named = Object.entries(repositories).find(([, { url }]) => same(url))?.[0];
  return named === undefined ? { repository, name } : { name: `${named}/${name}` };
}

function toOutdated(
  { cluster, namespace, name, chart, provenance }: Release,
  newest: string,
  code: string,
): OutdatedRelease {
  return { cluster, namespace, name, chart, source: provenance["chart-source"] ?? "", newest, code };
}
