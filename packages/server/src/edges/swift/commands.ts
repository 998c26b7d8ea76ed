import { BerthError } from "@berth/base";
import type { hapiChart, swift } from "@berth/contract";

import type {
  ActionOptions,
  ChartReference,
  InstallCommand,
  ReleaseTarget,
  RollbackCommand,
  UninstallCommand,
  UpgradeCommand,
} from "../../domain/command.ts";

/** Seconds that a wait may take; Swift's own default was Tiller's, 5 minutes. */
const MAX_TIMEOUT = 86_400;

/** An install as Helm 2 made it: with its namespace. */
export function toInstall(request: swift.InstallReleaseRequest, target: ReleaseTarget): InstallCommand {
  return {
    verb: "install",
    target,
    chart: toChart(request),
    values: toValues(request.values),
    options: toOptions(request),
    createNamespace: true,
    replace: request.reuseName,
  };
}

/** An upgrade of a release that is there. */
export function toUpgrade(request: swift.UpdateReleaseRequest, target: ReleaseTarget): UpgradeCommand {
  refuseRecreate(request.recreate);
  const { resetValues, reuseValues } = request;
  return {
    verb: "upgrade",
    target,
    chart: toChart(request),
    values: toValues(request.values),
    options: { ...toOptions(request), forceReplace: request.force },
    valuesReuse: resetValues ? "reset" : reuseValues ? "reuse" : undefined,
  };
}

/** A rollback; without a version to the one before. */
export function toRollback(request: swift.RollbackReleaseRequest, target: ReleaseTarget): RollbackCommand {
  refuseRecreate(request.recreate);
  return {
    verb: "rollback",
    target,
    revision: request.version === 0 ? undefined : request.version,
    options: { ...toOptions(request), forceReplace: request.force },
  };
}

/** An end; as in Helm 2 the history stays unless it is purged. */
export function toUninstall(request: swift.UninstallReleaseRequest, target: ReleaseTarget): UninstallCommand {
  return { verb: "uninstall", target, keepHistory: !request.purge, options: toOptions(request) };
}

interface Options {
  readonly disableHooks: boolean;
  readonly timeout: bigint;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
}

function toOptions({ disableHooks, timeout, dryRun, wait }: Options): ActionOptions {
  if (timeout < 0n || timeout > BigInt(MAX_TIMEOUT)) {
    throw new BerthError("INVALID_ARGUMENT", '"timeout" is no time that can be waited.', {
      field: "timeout",
      hint: `Seconds, at most ${String(MAX_TIMEOUT)}.`,
    });
  }
  return {
    wait: wait === true ? "watcher" : "hookOnly",
    timeoutMs: timeout === 0n ? undefined : Number(timeout) * 1000,
    disableHooks,
    dryRun,
  };
}

type ChartRequest = Pick<
  swift.InstallReleaseRequest,
  | "chart"
  | "chartUrl"
  | "caBundle"
  | "username"
  | "password"
  | "token"
  | "clientCertificate"
  | "clientKey"
  | "insecureSkipVerify"
>;

function toChart(request: ChartRequest): ChartReference {
  if (request.chart !== undefined) {
    throw new BerthError("INVALID_ARGUMENT", '"chart" is not taken: its messages are those of Helm 2.', {
      field: "chart",
      hint: "Give chart_url, or upload the archive to /v1/clusters/{cluster}/namespaces/{namespace}/releases.",
    });
  }
  return { ...toPlace(request.chartUrl), ...toCredentials(request) };
}

/** A URL, or `REPOSITORY/CHART` with a version behind it as Swift had it. */
function toPlace(chartUrl: string): ChartReference {
  if (/^(https?|oci):\/\//i.test(chartUrl)) return { url: chartUrl };
  if (/^\.{0,2}\//.test(chartUrl)) return { path: chartUrl };
  const [repository = "", chart = "", version, ...rest] = chartUrl.split("/");
  if (repository === "" || chart === "" || version === "" || rest.length > 0) {
    throw new BerthError("INVALID_ARGUMENT", '"chart_url" names no chart.', {
      field: "chart_url",
      hint: "Give the URL of an archive, oci://REGISTRY/REPOSITORY, or REPOSITORY/CHART[/VERSION] such as stable/zetcd.",
    });
  }
  return { name: `${repository}/${chart}`, version };
}

function toCredentials(request: ChartRequest): Partial<ChartReference> {
  const access = {
    bearerToken: textOf(request.token),
    certificateAuthority: pemOf(request.caBundle),
    clientCertificate: pemOf(request.clientCertificate),
    clientKey: pemOf(request.clientKey),
    insecureSkipTlsVerify: request.insecureSkipVerify || undefined,
  };
  const isUsed = Object.values(access).some((value) => value !== undefined);
  return {
    username: textOf(request.username),
    password: textOf(request.password),
    ...(isUsed ? { access } : {}),
  };
}

function toValues(config: hapiChart.Config | undefined) {
  if (config === undefined) return { documents: [] };
  if (Object.keys(config.values).length > 0) {
    throw new BerthError("INVALID_ARGUMENT", '"values.values" was never read by Tiller, nor is it here.', {
      field: "values.values",
      hint: "Give the values as JSON or YAML in values.raw.",
    });
  }
  return { documents: config.raw === "" ? [] : [config.raw] };
}

function refuseRecreate(recreate: boolean): void {
  if (!recreate) return;
  throw new BerthError("INVALID_ARGUMENT", '"recreate" is not there any more since Helm 3.', {
    field: "recreate",
    hint: "Have the chart annotate its pods with a checksum of what they are to be restarted for.",
  });
}

function textOf(text: string): string | undefined {
  return text === "" ? undefined : text;
}

function pemOf(bytes: Uint8Array): string | undefined {
  return bytes.length === 0 ? undefined : Buffer.from(bytes).toString("utf8");
}
