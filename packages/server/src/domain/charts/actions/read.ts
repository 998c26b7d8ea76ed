import type { Access, Principal } from "../../access/index.ts";
import { resolveChart } from "../resolve.ts";
import type { ChartReader } from "../types.ts";
import { createChartSearch } from "./search.ts";
import type { SearchParts } from "./search.ts";
import { refuse, toChart, toVersion } from "./wire.ts";

/** What the reader is made of. */
export interface ChartReaderParts extends SearchParts {
  readonly access: Access;
}

/** Reads charts through the engine, which alone fetches them. */
export function createChartReader({ access, engine, charts, egress }: ChartReaderParts): ChartReader {
  const may = (principal: Principal, verb: string) =>
    access.check(principal, { verb, resource: "charts", cluster: "", namespace: "", name: "" });
  const search = createChartSearch({ engine, charts, egress });
  return {
    async search(principal, query) {
      await may(principal, "list");
      return search(query);
    },
    async versions(principal, chart, version, range) {
      await may(principal, "get");
      const answer = await engine.listVersions({ chart: toChart(resolveChart(chart, charts), egress), version, ...range });
      refuse(answer.error);
      return { items: answer.versions.map(toVersion), total: answer.total };
    },
    async show(principal, chart, file) {
      await may(principal, "get");
      const answer = await engine.showChart({ chart: toChart(resolveChart(chart, charts), egress), file });
      refuse(answer.error);
      return answer;
    },
  };
}
