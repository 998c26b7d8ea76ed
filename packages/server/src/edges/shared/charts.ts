import { BerthError } from "@berth/base";
import { chartService } from "@berth/contract";
import type { JsonObject } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";

import type { Berth } from "../../berth.ts";
import type { ChartVersion, Page, PageRange } from "../../domain/charts/index.ts";
import type { AddHandler } from "./handler.ts";
import { toChart } from "./to-command.ts";

const DEFAULT_PAGE = 100;

/** What the RPCs of ChartService do. */
export function addCharts(on: AddHandler, { charts, principal }: Berth): void {
  const { method } = chartService.ChartService;
  on(method.searchCharts, async (request, _context, hints) => {
    const { namespace, repository, source, query, version, includeDeprecated, refresh } = request;
    const { username, password, access } = request;
    const range = toRange(request);
    const asked = {
      ...{ namespace, repository, source, query, version, includeDeprecated, access, refresh, ...range },
      username: username === "" ? undefined : username,
      password: password === "" ? undefined : password,
    };
    const found = await charts.search(principal, asked, hints);
    return {
      charts: found.items.map(({ newest, ...entry }) => ({
        ...entry,
        keywords: [...entry.keywords],
        ...(newest === undefined ? {} : { newest: fromVersion(newest) }),
      })),
      unsearched: found.unsearched.map(({ repository: name, error }) => ({
        ...{ repository: name, code: error.code, message: error.message },
      })),
      ...fromPage(found, range),
    };
  });
  on(method.listChartVersions, async (request, _context, hints) => {
    const { namespace, version } = request;
    const range = toRange(request);
    const question = { namespace, chart: toChart(request.chart) };
    const found = await charts.versions(principal, question, version, range, hints);
    return { versions: found.items.map(fromVersion), ...fromPage(found, range) };
  });
  on(method.showChart, async (request, _context, hints) => {
    const question = { namespace: request.namespace, chart: toChart(request.chart) };
    const shownChart = await charts.show(principal, question, request.file, hints);
    const { metadataJson, files, crds, content, ...shown } = shownChart;
    const metadata = JSON.parse(metadataJson || "{}") as JsonObject;
    return {
      ...{
        digest: shown.digest,
        readme: shown.readme,
        valuesYaml: shown.valuesYaml,
        schemaJson: shown.schemaJson,
        signedBy: shown.signedBy,
      },
      ...{ metadata, crds: [...crds], content: new Uint8Array(content) },
      files: files.map(({ name, size }) => ({ name, size })),
    };
  });
}

function fromVersion({ created, ...version }: ChartVersion) {
  return { ...version, ...(created === undefined ? {} : { created: timestampFromDate(created) }) };
}

/** Pages of these lists are numbered by where they begin: an index changes as a whole, and seldom. */
function toRange({ pageSize, pageToken }: { pageSize: number; pageToken: string }): PageRange {
  if (/^\d{0,9}$/.test(pageToken)) return { offset: Number(pageToken), limit: pageSize || DEFAULT_PAGE };
  throw new BerthError("INVALID_ARGUMENT", "The page token is not one of this list.", { field: "page_token" });
}

function fromPage({ items, total }: Page<unknown>, { offset }: PageRange) {
  const next = offset + items.length;
  return { totalSize: total, nextPageToken: items.length > 0 && next < total ? String(next) : "" };
}
