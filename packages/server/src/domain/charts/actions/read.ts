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
    async search(principal, query) {
      await may(principal, "list", query.namespace);
      return search(principal, query);
    },
    async versions(principal, { namespace, chart }, version, range) {
      await may(principal, "get", namespace);
      const resolved = toChart(await charts(principal, namespace, chart), egress);
      const answer = await engine.listVersions({ chart: resolved, version, ...range });
      refuse(answer.error);
      return { items: answer.versions.map(toVersion), total: answer.total };
    },
    async show(principal, { namespace, chart }, file) {
      await may(principal, "get", namespace);
      const answer = await engine.showChart({ chart: toChart(await charts(principal, namespace, chart), egress), file });
      refuse(answer.error);
      return answer;
    },
  };
}
