import { BerthError } from "@berth/base";
import { releaseService as api } from "@berth/contract";
import type { exposure } from "@berth/contract";

import type {
  ActionOptions,
  ChartReference,
  ExposeWish,
  InstallCommand,
  ReleaseTarget,
  RollbackCommand,
  TestCommand,
  UninstallCommand,
  UnlockCommand,
  UpgradeCommand,
  ValuesInput,
} from "../../domain/command.ts";
import { toSettings } from "./exposures.ts";
import { checkLabels } from "./labels.ts";

/*
 * Requests of berth.v1 as commands. REST and Connect share it.
 */

interface Named {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

/** The release a request names. */
export function toTarget({ cluster, namespace, name }: Named): ReleaseTarget {
  return { cluster, namespace, name };
}

export function toInstall(request: api.InstallReleaseRequest): InstallCommand {
  if ((request.name === "") !== request.generateName) {
    const message = request.generateName ? "A name and generate_name exclude each other." : "The release has no name.";
    throw new BerthError("INVALID_ARGUMENT", message, { field: "name", hint: "Give a name, or generate_name: true." });
  }
  return {
    verb: "install",
    target: toTarget(request),
    chart: toChart(request.chart),
    values: toValues(request),
    options: toOptions(request.options, request.validateOnly),
    createNamespace: request.createNamespace,
    replace: request.replace,
    ...(request.expose.length === 0 ? {} : { expose: request.expose.map((one, i) => toWish(one, `expose[${i}].`)) }),
    planToken: request.planToken === "" ? undefined : request.planToken,
    labels: checkLabels(request.labels),
    expectedRevision: request.expectedRevision,
  };
}

function toWish(asked: exposure.ExposePort, at: string): ExposeWish {
  if (asked.release !== "") {
    throw new BerthError("INVALID_ARGUMENT", "What an install exposes is of its own release.", {
      field: `${at}release`,
    });
  }
  const { release: _release, ...settings } = toSettings(asked, at);
  return { name: asked.name, ...settings };
}

export function toUpgrade(request: api.UpgradeReleaseRequest): UpgradeCommand {
  return {
    verb: "upgrade",
    target: toTarget(request),
    chart: toChart(request.chart),
    values: toValues(request),
    options: toOptions(request.options, request.validateOnly),
    installIfMissing: request.installIfMissing,
    createNamespace: request.createNamespace,
    labels: withoutEmpty(checkLabels(request.labels)),
    expectedRevision: request.expectedRevision,
    planToken: request.planToken === "" ? undefined : request.planToken,
    valuesReuse: REUSE[request.valuesReuse as keyof typeof REUSE],
    cleanupOnFail: request.cleanupOnFail,
  };
}

export function toRollback(request: api.RollbackReleaseRequest): RollbackCommand {
  return {
    verb: "rollback",
    target: toTarget(request),
    options: toOptions(request.options, request.validateOnly),
    revision: request.revision,
    cleanupOnFail: request.cleanupOnFail,
    expectedRevision: request.expectedRevision,
  };
}

export function toUninstall(request: api.UninstallReleaseRequest): UninstallCommand {
  const propagation = request.deletionPropagation;
  return {
    verb: "uninstall",
    target: toTarget(request),
    options: toOptions(request.options, request.validateOnly),
    keepHistory: request.keepHistory,
    ignoreNotFound: request.ignoreNotFound,
    // The proto's rule leaves only these words and nothing.
    deletionPropagation: propagation === "" ? undefined : (propagation as UninstallCommand["deletionPropagation"]),
    expectedRevision: request.expectedRevision,
  };
}

export function toTest(request: api.TestReleaseRequest): TestCommand {
  return {
    verb: "test",
    target: toTarget(request),
    options: { timeoutMs: toMs(request.timeout), dryRun: request.validateOnly },
    names: request.names,
    expectedRevision: request.expectedRevision,
  };
}

export function toUnlock(request: api.UnlockReleaseRequest): UnlockCommand {
  return { verb: "unlock", target: toTarget(request), expectedRevision: request.expectedRevision };
}

/** Helm removes a label whose new value is "null". */
function withoutEmpty(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, value === "" ? "null" : value]));
}

const REUSE = {
  [api.ValuesReuse.RESET]: "reset",
  [api.ValuesReuse.REUSE]: "reuse",
  [api.ValuesReuse.RESET_THEN_REUSE]: "resetThenReuse",
} as const;

const WAIT = {
  [api.WaitStrategy.HOOK_ONLY]: "hookOnly",
  [api.WaitStrategy.WATCHER]: "watcher",
  [api.WaitStrategy.LEGACY]: "legacy",
} as const;

const SERVER_SIDE = {
  [api.ServerSideApply.TRUE]: "true",
  [api.ServerSideApply.FALSE]: "false",
  [api.ServerSideApply.AUTO]: "auto",
} as const;

/** The chart a request names. */
export function toChart(chart: api.ChartReference | undefined): ChartReference {
  if (chart === undefined) throw new BerthError("INVALID_ARGUMENT", "A chart is missing.", { field: "chart" });
  const given = (text: string) => (text === "" ? undefined : text);
  return {
    path: given(chart.path),
    name: given(chart.name),
    source: given(chart.source),
    repository: given(chart.repository),
    url: given(chart.url),
    archive: chart.archive.length === 0 ? undefined : chart.archive,
    version: given(chart.version),
    username: given(chart.username),
    password: given(chart.password),
    access: chart.access,
    digest: given(chart.digest),
    refresh: chart.refresh,
    verify: chart.verify,
    provenance: chart.provenance.length === 0 ? undefined : chart.provenance,
  };
}

function toValues(request: api.InstallReleaseRequest | api.UpgradeReleaseRequest): ValuesInput {
  const { values, valuesYaml, valuesDocuments } = request;
  const documents = [
    ...(values === undefined ? [] : [JSON.stringify(values)]),
    ...(valuesYaml === "" ? [] : [valuesYaml]),
    ...valuesDocuments,
  ];
  return {
    documents,
    set: request.set,
    setString: request.setString,
    setJson: request.setJson,
    setLiteral: request.setLiteral,
    setFile: Object.entries(request.setFile).map(([key, content]) => ({ key, content })),
  };
}

function toOptions(options: api.Options | undefined, validateOnly: boolean): ActionOptions {
  if (options === undefined) return { dryRun: validateOnly };
  const chosen = WAIT[options.waitStrategy as keyof typeof WAIT] as ActionOptions["wait"];
  return {
    wait: chosen ?? (options.wait ? "watcher" : "hookOnly"),
    waitForJobs: options.waitForJobs,
    timeoutMs: toMs(options.timeout),
    disableHooks: options.disableHooks,
    serverSideApply: SERVER_SIDE[options.serverSideApply as keyof typeof SERVER_SIDE],
    forceConflicts: options.forceConflicts,
    forceReplace: options.forceReplace,
    takeOwnership: options.takeOwnership,
    skipCrds: options.skipCrds,
    skipSchemaValidation: options.skipSchemaValidation,
    historyMax: options.historyMax,
    description: options.description,
    dryRun: options.dryRun || validateOnly,
    upgradeCrds: options.upgradeCrds,
    forceManaged: options.forceManaged,
  };
}

function toMs(duration: { seconds: bigint; nanos: number } | undefined): number | undefined {
  return duration === undefined ? undefined : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}
