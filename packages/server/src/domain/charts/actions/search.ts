import { BerthError, asBerthError } from "@berth/base";
import type { EgressPolicy, Engine } from "@berth/engine-client";

import type { Principal } from "../../access/index.ts";
import type { AskOptions, ChartReference } from "../../command.ts";
import type { ChartPolicy } from "../resolve.ts";
import type { ChartResolver, SourceLookup } from "../resolver.ts";
import type { ChartEntry, ChartQuery, ChartReader, FoundCharts, Page } from "../types.ts";
import { refuse, toChart, toVersion } from "./wire.ts";

/** Repositories asked at the same time. */
const AT_ONCE = 4;

/** What a search is made of. */
export interface SearchParts {
  readonly engine: Engine;
  readonly charts: ChartResolver;
  readonly policy: ChartPolicy;
  readonly sources: SourceLookup;
  readonly egress: EgressPolicy;
}

/** Searches one place, or all that have a name: ChartSources of the namespace and repositories of the configuration. */
export function createChartSearch(parts: SearchParts): ChartReader["search"] {
  return async (principal, query, options = {}) => {
    const { repository, source } = query;
    if (repository !== "" && source !== "") {
      throw new BerthError("INVALID_ARGUMENT", "A repository and a source exclude each other.", { field: "source" });
    }
    if (repository === "" && source === "") return searchAll(parts, principal, query, options);
    return { ...(await searchOne(parts, principal, query, options)), unsearched: [] };
  };
}

async function searchOne(
  { engine, charts, egress }: SearchParts,
  principal: Principal,
  query: ChartQuery,
  options: AskOptions,
): Promise<Page<ChartEntry>> {
  const { namespace, repository, source: named, username: _u, password: _p, access: _a, ...rest } = query;
  const { source, access } = toChart(await charts(principal, namespace, toReference(query), options), egress);
  if (source.case !== "repository") {
    throw new BerthError("INVALID_ARGUMENT", "A registry has no index that could be searched.", {
      field: named === "" ? "repository" : "source",
      hint: "Name the chart and list its versions.",
    });
  }
  const answer = await engine.searchCharts({ ...rest, url: source.value.url, access, egress }, options);
  refuse(answer.error);
  const items = answer.charts.map(({ newest, ...entry }) => ({
    ...entry,
    newest: newest === undefined ? undefined : toVersion(newest),
    repository: repository.includes("://") ? "" : named || repository,
  }));
  return { items, total: answer.total };
}

/** The name of a chart plays no part: what is resolved is the place. */
function toReference({ repository, source, username, password, access }: ChartQuery): ChartReference {
  if (source !== "") return { name: "any", source, username, password, access };
  const place = repository.includes("://") ? { name: "any", repository } : { name: `${repository}/any` };
  return { ...place, username, password, access };
}

/** Merges what each place has, of which each gives as many as could be on the page. */
async function searchAll(
  parts: SearchParts,
  principal: Principal,
  query: ChartQuery,
  options: AskOptions,
): Promise<FoundCharts> {
  const { namespace, username, password, access, offset, limit } = query;
  if (username !== undefined || password !== undefined || access !== undefined) {
    throw new BerthError("INVALID_ARGUMENT", "Credentials are for one repository, and none is named.", {
      field: "repository",
    });
  }
  const own = namespace === "" ? [] : parts.sources.list(namespace).map(({ name }) => name);
  // A name of both is the source's.
  const names = [...new Set([...own, ...Object.keys(parts.policy.repositories)])].sort();
  const found: ChartEntry[] = [];
  const unsearched: FoundCharts["unsearched"][number][] = [];
  let total = 0;
  for (let i = 0; i < names.length; i += AT_ONCE) {
    const some = names.slice(i, i + AT_ONCE);
    const asked = some.map((repository) =>
      searchOne(parts, principal, { ...query, repository, offset: 0, limit: offset + limit }, options),
    );
    for (const [at, answer] of (await Promise.allSettled(asked)).entries()) {
      if (answer.status === "rejected") {
        options.signal?.throwIfAborted();
        const error = asBerthError(answer.reason);
        // What is wrong with the request is wrong for all.
        if (error.field === "version") throw error;
        unsearched.push({ repository: some[at] ?? "", error });
        continue;
      }
      found.push(...answer.value.items);
      total += answer.value.total;
    }
  }
  found.sort((a, b) => compare(a.name, b.name) || compare(a.repository, b.repository));
  return { items: found.slice(offset, offset + limit), total, unsearched };
}

/** As the engine sorts: by code, not by language. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
