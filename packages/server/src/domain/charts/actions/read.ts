import type { Access, Principal } from "../../access/index.ts";
import type { ChartReader } from "../types.ts";
import { createChartSearch } from "./search.ts";
import type { SearchParts } from "./search.ts";
import { refuse, toChart, toVersion } from "./wire.ts";

/** What the reader is made of. */
export interface ChartReaderParts extends SearchParts {
  readonly access: Access;
}

/** Reads charts through the engine, which alone fetches them. */
export function createChartReader({ access, ...parts }: ChartReaderParts): ChartReader {
  const { engine, charts, egress } = parts;
  const may = (principal: Principal, verb: string, namespace: string) =>
    access.check(principal, { verb, resource: "charts", cluster: "", namespace, name: "" });
  const search = createChartSearch(parts);
  return {
    async search(principal, query, options) {
      await may(principal, "list", query.namespace);
      return search(principal, query, options);
    },
    async versions(principal, { namespace, chart }, version, range, { signal } = {}) {
      await may(principal, "get", namespace);
      const resolved = toChart(await charts(principal, namespace, chart, { signal }), egress);
      const answer = await engine.listVersions({ chart: resolved, version, ...range }, { signal });
      refuse(answer.error);
      return { items: answer.versions.map(toVersion), total: answer.total };
    },
    async show(principal, { namespace, chart }, file, { signal } = {}) {
      await may(principal, "get", namespace);
      const resolved = toChart(await charts(principal, namespace, chart, { signal }), egress);
      const answer = await engine.showChart({ chart: resolved, file }, { signal });
      refuse(answer.error);
      return answer;
    },
  };
}
