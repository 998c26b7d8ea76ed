import { BerthError } from "@berth/base";
import { create } from "@bufbuild/protobuf";
import { release as model, releaseService as api } from "@berth/contract";
import type { JsonObject } from "@bufbuild/protobuf";

import type { Berth } from "../../berth.ts";
import type { ExposurePage } from "../../domain/exposures/index.ts";
import { fromChecked } from "./from-check.ts";
import {
  fromDiff,
  fromHook,
  fromObjectStatus,
  fromPage,
  fromRelease,
  fromReleaseNews,
  fromShown,
} from "./from-domain.ts";
import { addChartSources } from "./chart-sources.ts";
import { addCharts } from "./charts.ts";
import { addClusters } from "./clusters.ts";
import { addExposures, addExposureStreams, endpointOf } from "./exposures.ts";
import { addOperations, addOperationStreams } from "./operations.ts";
import { addLive, addLiveStreams } from "./live.ts";
import { createTable, handlerKey } from "./handler.ts";
import type { AddStream, Handler, Hints, StreamHandler } from "./handler.ts";
import { addPoolStreams, addPools } from "./pools.ts";
import { addPlans } from "./plans.ts";
import { toTarget } from "./to-command.ts";
import { addWrites } from "./writes.ts";

/** Revisions that a history answers where the caller names no number, as Helm's. */
const DEFAULT_HISTORY = 256;
const DEFAULT_PAGE = 100;
/** Exposures that a release names. */
const MAX_EXPOSURES = 500;

/** What each RPC does, by `service.method`: one table for every protocol. */
export function createHandlers(berth: Berth): ReadonlyMap<string, Handler> {
  const { releases, principal } = berth;
  const { table, on } = createTable();
  const service = api.ReleaseService.method;
  const content = (request: Named & { revision: number }, hints?: Hints) =>
    releases.content(principal, toTarget(request), request.revision, { signal: hints?.signal });

  addWrites(on, berth);
  on(service.listReleases, async (request) =>
    fromPage(await releases.list(principal, { ...request, pageSize: request.pageSize || DEFAULT_PAGE })),
  );
  on(service.getRelease, async (request, _context, hints) => {
    const { revision, minResourceVersion } = request;
    const how = { signal: hints?.signal, minResourceVersion };
    const release = await releases.get(principal, toTarget(request), revision, how);
    const exposures = await exposuresOf(berth, request);
    return exposures.length === 0 ? fromShown(release) : { ...fromRelease(release), exposures };
  });
  on(service.getReleaseHistory, async (request, _context, hints) => {
    const revisions = await releases.history(principal, toTarget(request), request.max || DEFAULT_HISTORY, hints);
    return { revisions: revisions.map(fromRelease) };
  });
  on(service.getReleaseValues, async (request, _context, hints) => {
    const { release: stored, redacted, ...parts } = await content(request, hints);
    const values = (request.computed ? parts.computedValues : parts.values) as JsonObject;
    return {
      revision: stored.revision,
      values,
      valuesYaml: request.computed ? parts.computedValuesYaml : parts.valuesYaml,
      redacted: redacted.values,
    };
  });
  on(service.getReleaseManifest, async (request, _context, hints) => {
    const { release: stored, manifest, redacted } = await content(request, hints);
    return { revision: stored.revision, manifest, redacted: redacted.manifest };
  });
  on(service.getReleaseNotes, async (request, _context, hints) => {
    const { release: stored, notes } = await content(request, hints);
    return { revision: stored.revision, notes };
  });
  on(service.getReleaseHooks, async (request, _context, hints) => {
    const { release: stored, hooks, redacted } = await content(request, hints);
    return { revision: stored.revision, hooks: hooks.map(fromHook), redacted: redacted.manifest };
  });
  on(service.getReleaseStatus, async (request, _context, hints) => {
    const live = await releases.status(principal, toTarget(request), request.revision, hints);
    return { release: fromRelease(live.release), ready: live.ready, objects: live.objects.map(fromObjectStatus) };
  });
  on(service.checkRelease, async (request, _context, hints) =>
    fromChecked(await releases.check(principal, toTarget(request), hints)),
  );
  on(service.diffRelease, async (request, _context, hints) =>
    fromDiff(await releases.diff(principal, toTarget(request), request.from, request.to, hints)),
  );
  addLive(on, berth);
  addCharts(on, berth);
  addChartSources(on, berth);
  addClusters(on, berth);
  addPlans(on, berth);
  addOperations(on, berth);
  addExposures(on, berth);
  addPools(on, berth);
  return table;
}

/** What each streaming RPC does, by `service.method`. */
export function createStreams(berth: Berth): ReadonlyMap<string, StreamHandler> {
  const table = new Map<string, StreamHandler>();
  const on: AddStream = (method, handle) =>
    table.set(handlerKey(method), async function* (request, context, signal) {
      for await (const message of handle(request as never, context, signal)) yield create(method.output, message);
    });
  addReleaseStreams(on, berth);
  addLiveStreams(on, berth);
  addOperationStreams(on, berth);
  addExposureStreams(on, berth);
  addPoolStreams(on, berth);
  return table;
}

function addReleaseStreams(on: AddStream, { releases, principal }: Berth): void {
  on(api.ReleaseService.method.watchReleases, async function* ({ resumeToken, ...filter }, _context, signal) {
    for await (const news of releases.watch(principal, { ...filter, stuck: false }, resumeToken, signal)) {
      yield fromReleaseNews(news);
    }
  });
}

/** Where a release's services are reached. */
async function exposuresOf({ exposures, principal }: Berth, { cluster, namespace, name }: Named) {
  const query = { cluster, namespace, release: name, pool: "", slot: "", service: "" };
  const listed = await listExposures(() => exposures.view.list(principal, query, { size: MAX_EXPOSURES, token: "" }));
  return listed.map((one) =>
    create(model.ReleaseExposureSchema, {
      ...{ name: one.name, service: one.settings.service, endpoint: endpointOf(one) },
      ready: one.state === "ready",
    }),
  );
}

/** None where the cluster does not serve Berth's definitions: it has releases all the same. */
async function listExposures(list: () => Promise<ExposurePage>): Promise<ExposurePage["exposures"]> {
  try {
    return (await list()).exposures;
  } catch (error) {
    // Who may read a release need not be allowed to list exposures: it is shown without them.
    if (error instanceof BerthError && /^(EXPOSURES_NOT_SERVED|FORBIDDEN)$/.test(error.code)) return [];
    throw error;
  }
}

interface Named {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}
