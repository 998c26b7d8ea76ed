import { BerthError } from "@berth/base";
import { chartSourceService as api } from "@berth/contract";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, durationMs, timestampFromDate } from "@bufbuild/protobuf/wkt";

import type { Berth } from "../../berth.ts";
import type { ChartSource, SourceCredentials, SourceSettings } from "../../domain/chart-sources/index.ts";
import { toGeneration } from "./generation.ts";
import type { AddHandler } from "./handler.ts";

const DEFAULT_PAGE = 100;
/** Unless the request says otherwise, in milliseconds. */
const DEFAULT_INTERVAL = 600_000;

/** What the RPCs of ChartSourceService do. */
export function addChartSources(on: AddHandler, { chartSources, principal }: Berth): void {
  const { method } = api.ChartSourceService;
  const { submit, view } = chartSources;
  on(method.createChartSource, async (request, context) => {
    const { namespace, name, validateOnly: dryRun } = request;
    const credentials = toCredentials(request.credentials);
    const settings = toSettings(request);
    const command = { verb: "create", target: { namespace, name }, settings, credentials, dryRun } as const;
    return fromSource(await submit(principal, command, context));
  });
  on(method.updateChartSource, async (request, context) => {
    const { namespace, name, clearCredentials, validateOnly: dryRun } = request;
    const credentials = toCredentials(request.credentials);
    if (credentials !== undefined && clearCredentials) {
      throw new BerthError("INVALID_ARGUMENT", "Credentials cannot be given and cleared at once.", {
        field: "clear_credentials",
      });
    }
    const command = {
      ...({ verb: "update", target: { namespace, name } } as const),
      ...{ settings: toSettings(request), credentials, clearCredentials, dryRun },
      expectedGeneration: toGeneration(request.expectedGeneration),
    };
    return fromSource(await submit(principal, command, context));
  });
  on(method.deleteChartSource, async ({ namespace, name, expectedGeneration, validateOnly: dryRun }, context) => {
    const expected = { expectedGeneration: toGeneration(expectedGeneration), dryRun };
    return fromSource(await submit(principal, { verb: "delete", target: { namespace, name }, ...expected }, context));
  });
  on(method.refreshChartSource, async ({ namespace, name }, context) =>
    fromSource(await submit(principal, { verb: "refresh", target: { namespace, name } }, context)),
  );
  on(method.getChartSource, async ({ namespace, name }, _context, hints) =>
    fromSource(await view.get(principal, { namespace, name }, hints)),
  );
  on(method.listChartSources, async ({ namespace, pageToken, pageSize }) => {
    const page = await view.list(principal, { namespace, pageToken, pageSize: pageSize || DEFAULT_PAGE });
    const { sources, nextPageToken, totalSize } = page;
    return { chartSources: sources.map(fromSource), nextPageToken, totalSize };
  });
}

function toSettings(request: api.CreateChartSourceRequest | api.UpdateChartSourceRequest): SourceSettings {
  const { url, refreshInterval, insecureSkipTlsVerify, passCredentials, plainHttp, suspend } = request;
  const refreshIntervalMs = refreshInterval === undefined ? DEFAULT_INTERVAL : durationMs(refreshInterval);
  return { url, refreshIntervalMs, insecureSkipTlsVerify, passCredentials, plainHttp, suspend };
}

/** Credentials without anything in them are none. */
function toCredentials(given: api.SourceCredentials | undefined): SourceCredentials | undefined {
  if (given === undefined) return undefined;
  const { username, password, bearerToken, certificateAuthority, clientCertificate, clientKey } = given;
  const credentials = { username, password, bearerToken, certificateAuthority, clientCertificate, clientKey };
  if (Object.values(credentials).every((text) => text === "")) {
    throw invalid(
      "credentials",
      "Credentials are given with nothing in them.",
      "Leave them out, or say clear_credentials.",
    );
  }
  if (bearerToken !== "" && (username !== "" || password !== "")) {
    throw invalid("credentials.bearer_token", "A bearer token and a user exclude each other.", "Give one of them.");
  }
  if ((clientCertificate === "") !== (clientKey === "")) {
    const missing = clientKey === "" ? "client_key" : "client_certificate";
    throw invalid(`credentials.${missing}`, "A client certificate and its key go together.", "Give both.");
  }
  return credentials;
}

function invalid(field: string, message: string, hint: string): BerthError {
  return new BerthError("INVALID_ARGUMENT", message, { field, hint });
}

const STATES = {
  unknown: api.ChartSourceState.UNSPECIFIED,
  ready: api.ChartSourceState.READY,
  failed: api.ChartSourceState.FAILED,
  suspended: api.ChartSourceState.SUSPENDED,
} as const;

function fromSource(source: ChartSource): MessageInitShape<typeof api.ChartSourceSchema> {
  const { refreshIntervalMs, generation, createTime, status, ...same } = source;
  const { observedGeneration, state, lastRefreshTime, charts, reason, message, digest } = status;
  return {
    ...same,
    refreshInterval: durationFromMs(refreshIntervalMs),
    generation: BigInt(generation),
    ...(createTime === undefined ? {} : { createTime: timestampFromDate(createTime) }),
    status: {
      ...{ reason, message, digest, state: STATES[state], observedGeneration: BigInt(observedGeneration) },
      ...(lastRefreshTime === undefined ? {} : { lastRefreshTime: timestampFromDate(lastRefreshTime) }),
      ...(charts === undefined ? {} : { charts }),
    },
  };
}
