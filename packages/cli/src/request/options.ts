import { operation, releaseService as api } from "@berth/sdk";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Option } from "commander";
import type { Command } from "commander";

import { toDuration } from "../output/text.ts";
import { toNumber } from "../command.ts";
import { collect, splitPair } from "./values.ts";

/** What a command line says of how Helm is to do it. */
export interface HelmOptions {
  readonly wait?: boolean;
  readonly waitStrategy?: keyof typeof STRATEGIES;
  readonly waitForJobs?: boolean;
  readonly timeout?: string;
  /** False with --no-hooks. */
  readonly hooks?: boolean;
  readonly serverSide?: string;
  readonly forceConflicts?: boolean;
  readonly forceReplace?: boolean;
  readonly force?: boolean;
  readonly takeOwnership?: boolean;
  readonly skipCrds?: boolean;
  readonly upgradeCrds?: boolean;
  readonly skipSchemaValidation?: boolean;
  readonly historyMax?: number;
  readonly description?: string;
  readonly dryRun?: boolean;
  readonly forceManaged?: boolean;
}

const STRATEGIES = {
  watcher: api.WaitStrategy.WATCHER,
  hookOnly: api.WaitStrategy.HOOK_ONLY,
  legacy: api.WaitStrategy.LEGACY,
} as const;

const SERVER_SIDE = {
  true: api.ServerSideApply.TRUE,
  false: api.ServerSideApply.FALSE,
  auto: api.ServerSideApply.AUTO,
} as const;

/** Adds the options of HelmOptions that every write has. */
export function addHelmOptions(command: Command): Command {
  return command
    .option("--wait", "wait until every object is ready; --wait=hookOnly and --wait=legacy as in Helm")
    .addOption(new Option("--wait-strategy <how>").choices(Object.keys(STRATEGIES)).hideHelp())
    .option("--timeout <duration>", "for each single wait, such as 90s or 5m (default: 5m)")
    .option("--no-hooks", "run no hooks")
    .option("--description <text>", "description of the revision")
    .option("--dry-run", "check all that can be checked, change nothing")
    .option("--force-managed", "write a release that Flux or Argo CD manages, too");
}

/** Adds the options of HelmOptions for writes that apply objects. */
export function addApplyOptions(command: Command): Command {
  return addHelmOptions(command)
    .option("--wait-for-jobs", "with --wait, wait for Jobs, too")
    .addOption(new Option("--server-side <how>", "apply on the server's side").choices(Object.keys(SERVER_SIDE)))
    .option("--force-conflicts", "take over fields that others manage")
    .option("--force-replace", "replace objects instead of changing them")
    .addOption(new Option("--force", "Helm 3's name of --force-replace").hideHelp())
    .option("--history-max <n>", "revisions kept, 0 for all (default: 10)", toNumber);
}

/** Adds the options of HelmOptions for writes that bring a chart. */
export function addChartWriteOptions(command: Command): Command {
  return addApplyOptions(command)
    .option("--take-ownership", "take over objects that are there already")
    .option("--skip-crds", "leave the chart's definitions away")
    .option("--upgrade-crds", "apply the chart's definitions, also those that are there")
    .option("--skip-schema-validation", "do not check the values by the chart's schema")
    .option("-l, --labels <key=value,…>", "labels on the release", collect);
}

/** Makes the message of HelmOptions. */
export function toOptions(options: HelmOptions): MessageInitShape<typeof api.OptionsSchema> {
  const { wait = false, waitStrategy: how, timeout, serverSide, historyMax, description } = options;
  return {
    wait: how === undefined ? wait : how !== "hookOnly",
    ...(how === undefined ? {} : { waitStrategy: STRATEGIES[how] }),
    ...(timeout === undefined ? {} : { timeout: toDuration(timeout) }),
    ...(serverSide === undefined ? {} : { serverSideApply: SERVER_SIDE[serverSide as keyof typeof SERVER_SIDE] }),
    // No limit is Helm's 0, and -1 to the API.
    ...(historyMax === undefined ? {} : { historyMax: historyMax === 0 ? -1 : historyMax }),
    ...(description === undefined ? {} : { description }),
    waitForJobs: options.waitForJobs ?? false,
    disableHooks: options.hooks === false,
    forceConflicts: options.forceConflicts ?? false,
    forceReplace: options.forceReplace ?? options.force ?? false,
    takeOwnership: options.takeOwnership ?? false,
    skipCrds: options.skipCrds ?? false,
    upgradeCrds: options.upgradeCrds ?? false,
    skipSchemaValidation: options.skipSchemaValidation ?? false,
    dryRun: options.dryRun ?? false,
    forceManaged: options.forceManaged ?? false,
  };
}

/** What a command line says of how an operation is worked off. */
export interface PolicyOptions {
  readonly rollbackOnFailure?: boolean;
  readonly atomic?: boolean;
  readonly retries?: number;
  readonly idempotencyKey?: string;
  readonly expectedRevision?: number;
}

/** Adds the options of PolicyOptions. */
export function addPolicyOptions(command: Command, canRollBack: boolean): Command {
  command
    .option("--retries <n>", "how often a failure is tried again that time may mend", toNumber)
    .option("--idempotency-key <key>", "the same key with the same request is the same operation for 24 h")
    .option("--expected-revision <n>", "refuse unless the newest revision has this number", toNumber);
  if (!canRollBack) return command;
  return command
    .option("--rollback-on-failure", "back to the revision before where it fails; an install is uninstalled")
    .addOption(new Option("--atomic", "the old name of --rollback-on-failure").hideHelp());
}

/** Makes the fields of PolicyOptions. */
export function toPolicy(options: PolicyOptions) {
  const { retries = 0, idempotencyKey = "", expectedRevision } = options;
  const goesBack = options.rollbackOnFailure === true || options.atomic === true;
  const remediation = goesBack ? operation.Remediation.ROLLBACK : operation.Remediation.UNSPECIFIED;
  return {
    idempotencyKey,
    ...(expectedRevision === undefined ? {} : { expectedRevision }),
    ...(retries > 0 || goesBack ? { policy: { retries, remediation } } : {}),
  };
}

/** Labels of --labels, which may be given more than once and hold several; in an upgrade null takes one away. */
export function toLabels(labels: readonly string[] = [], canRemove = false): Record<string, string> {
  const pairs = labels.flatMap((one) => one.split(",")).map(splitPair);
  return Object.fromEntries(pairs.map(([key, value]) => [key, canRemove && value === "null" ? "" : value]));
}
