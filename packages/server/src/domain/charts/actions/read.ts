import { BerthError, isErrorCode } from "@berth/base";
import type { engine as wire } from "@berth/contract";
import type { EgressPolicy, Engine } from "@berth/engine-client";

import type { Access, Principal } from "../../access/index.ts";
import { resolveChart } from "../resolve.ts";
import type { ChartPolicy } from "../resolve.ts";
import type { ChartReader, ChartVersion } from "../types.ts";
import { toChart } from "./wire.ts";

/** What the reader is made of. */
export interface ChartReaderParts {
  readonly access: Access;
  readonly engine: Engine;
  readonly charts: ChartPolicy;
  readonly egress: EgressPolicy;
}

/** Reads charts through the engine, which alone fetches them. */
export function createChartReader({ access, engine, charts, egress }: ChartReaderParts): ChartReader {
  const may = (principal: Principal, verb: string) =>
    access.check(principal, { verb, resource: "charts", cluster: "", namespace: "", name: "" });
  return {
    async search(principal, { repository, username, password, access: given, refresh, ...query }) {
      await may(principal, "list");
      const isUrl = repository.includes("://");
      // The name of a chart plays no part: what is resolved is the place.
      const reference = isUrl ? { name: "any", repository } : { name: `${repository}/any` };
      const { source, access: shown } = toChart(
        resolveChart({ ...reference, username, password, access: given }, charts),
        egress,
      );
      if (source.case !== "repository") {
        throw new BerthError("INVALID_ARGUMENT", "A registry has no index that could be searched.", {
          field: "repository",
          hint: "Name the chart and list its versions.",
        });
      }
      const answer = await engine.searchCharts({ ...query, url: source.value.url, access: shown, egress, refresh });
      refuse(answer.error);
      const items = answer.charts.map(({ newest, ...entry }) => ({
        ...entry,
        newest: newest === undefined ? undefined : toVersion(newest),
      }));
      return { items, total: answer.total };
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

function toVersion({ version, appVersion, created, deprecated, digest, kubeVersion }: wire.ChartVersion): ChartVersion {
  const at = created === undefined ? undefined : new Date(Number(created.seconds) * 1000 + created.nanos / 1e6);
  return { version, appVersion, created: at, deprecated, digest, kubeVersion };
}

function refuse(error: wire.ActionError | undefined): void {
  if (error === undefined) return;
  throw new BerthError(isErrorCode(error.code) ? error.code : "INTERNAL", error.message, {
    field: error.field === "" ? undefined : error.field,
    details: error.details,
  });
}
