import { BerthError, asBerthError } from "@berth/base";
import type { EgressPolicy, Engine } from "@berth/engine-client";

import { resolveChart } from "../resolve.ts";
import type { ChartPolicy } from "../resolve.ts";
import type { ChartEntry, ChartQuery, FoundCharts, Page } from "../types.ts";
import { refuse, toChart, toVersion } from "./wire.ts";

/** Repositories asked at the same time. */
const AT_ONCE = 4;

/** What a search is made of. */
export interface SearchParts {
  readonly engine: Engine;
  readonly charts: ChartPolicy;
  readonly egress: EgressPolicy;
}

/** Searches one repository, or all that the configuration names. */
export function createChartSearch(parts: SearchParts): (query: ChartQuery) => Promise<FoundCharts> {
  return async (query) => {
    if (query.repository === "") return searchAll(parts, query);
    return { ...(await searchOne(parts, query)), unsearched: [] };
  };
}

async function searchOne({ engine, charts, egress }: SearchParts, query: ChartQuery): Promise<Page<ChartEntry>> {
  const { repository, username, password, access: given, ...rest } = query;
  const isUrl = repository.includes("://");
  // The name of a chart plays no part: what is resolved is the place.
  const reference = isUrl ? { name: "any", repository } : { name: `${repository}/any` };
  const { source, access } = toChart(resolveChart({ ...reference, username, password, access: given }, charts), egress);
  if (source.case !== "repository") {
    throw new BerthError("INVALID_ARGUMENT", "A registry has no index that could be searched.", {
      field: "repository",
      hint: "Name the chart and list its versions.",
    });
  }
  const answer = await engine.searchCharts({ ...rest, url: source.value.url, access, egress });
  refuse(answer.error);
  const items = answer.charts.map(({ newest, ...entry }) => ({
    ...entry,
    newest: newest === undefined ? undefined : toVersion(newest),
    repository: isUrl ? "" : repository,
  }));
  return { items, total: answer.total };
}

/** Merges what each repository has, of which each gives as many as could be on the page. */
async function searchAll(parts: SearchParts, query: ChartQuery): Promise<FoundCharts> {
  const { username, password, access, offset, limit } = query;
  if (username !== undefined || password !== undefined || access !== undefined) {
    throw new BerthError("INVALID_ARGUMENT", "Credentials are for one repository, and none is named.", {
      field: "repository",
    });
  }
  const names = Object.keys(parts.charts.repositories).sort();
  const found: ChartEntry[] = [];
  const unsearched: FoundCharts["unsearched"][number][] = [];
  let total = 0;
  for (let i = 0; i < names.length; i += AT_ONCE) {
    const some = names.slice(i, i + AT_ONCE);
    const asked = some.map((repository) => searchOne(parts, { ...query, repository, offset: 0, limit: offset + limit }));
    for (const [at, answer] of (await Promise.allSettled(asked)).entries()) {
      if (answer.status === "rejected") {
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
