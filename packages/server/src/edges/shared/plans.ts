import { BerthError } from "@berth/base";
import { releaseService as api } from "@berth/contract";

import { parse, stringify } from "yaml";

import type { Berth } from "../../berth.ts";
import { compareValues, refuseRedacted } from "../../domain/releases/index.ts";
import { fromStale } from "./from-domain.ts";
import { fromPlan, fromRendered } from "./from-plan.ts";
import type { AddHandler } from "./handler.ts";
import { toChart, toInstall, toTarget, toUpgrade } from "./to-command.ts";

const DEFAULT_PAGE = 100;

/** What the RPCs of ReleaseService that look ahead do. */
export function addPlans(on: AddHandler, berth: Berth): void {
  const { planner, principal } = berth;
  const service = api.ReleaseService.method;
  on(service.planInstall, async (request, _context, hints) =>
    fromPlan(await planner.plan(principal, toInstall(request), hints)),
  );
  on(service.planUpgrade, async (request, _context, hints) =>
    fromPlan(await planner.plan(principal, toUpgrade(request), hints)),
  );
  on(service.renderRelease, async (request, _context, hints) =>
    fromRendered(await planner.render(principal, toInstall(request), hints)),
  );
  on(service.listOutdatedReleases, async (request, _context, hints) => {
    const page = await berth.outdated(principal, { ...request, pageSize: request.pageSize || DEFAULT_PAGE }, hints);
    return {
      nextPageToken: page.nextPageToken,
      staleClusters: page.staleClusters.map(fromStale),
      releases: page.releases.map(({ chart, ...rest }) => ({
        ...rest,
        ...(chart === undefined ? {} : { chart: { ...chart } }),
      })),
    };
  });
  on(service.compareReleaseValues, async (request, _context, hints) => {
    const { signal } = hints ?? {};
    const content = await berth.releases.content(principal, toTarget(request), request.revision, { signal });
    refuseRedacted(content);
    const { release, values } = content;
    const question = { namespace: request.namespace, chart: toChart(request.chart) };
    const shown = await berth.charts.show(principal, question, "", { signal });
    const { findings, carried } = compareValues(values, parseDefaults(shown.valuesYaml));
    const { name, version, appVersion } = JSON.parse(shown.metadataJson || "{}") as Record<string, string | undefined>;
    return {
      revision: release.revision,
      chart: { name: name ?? "", version: version ?? "", appVersion: appVersion ?? "" },
      findings: findings.map(({ kind, ...finding }) => ({ ...finding, kind: KINDS[kind] })),
      carriedYaml: Object.keys(carried).length === 0 ? "" : stringify(carried),
      defaultsYaml: shown.valuesYaml,
      schemaJson: shown.schemaJson,
    };
  });
}

const KINDS = {
  removed: api.ValueFindingKind.REMOVED,
  moved: api.ValueFindingKind.MOVED,
  typeChanged: api.ValueFindingKind.TYPE_CHANGED,
  sameAsDefault: api.ValueFindingKind.SAME_AS_DEFAULT,
} as const;

function parseDefaults(text: string): Parameters<typeof compareValues>[1] {
  try {
    return (parse(text) ?? {}) as Parameters<typeof compareValues>[1];
  } catch (error) {
    throw new BerthError("CHART_INVALID", "The chart's values.yaml cannot be compared with.", {
      field: "chart",
      cause: error,
    });
  }
}
