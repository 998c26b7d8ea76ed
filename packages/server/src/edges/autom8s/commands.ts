import { BerthError } from "@berth/base";

import type {
  ActionOptions,
  ChartReference,
  InstallCommand,
  ReleaseTarget,
  UninstallCommand,
  UpgradeCommand,
  ValuesInput,
} from "../../domain/command.ts";
import type { OperationPolicy } from "../../domain/operations/index.ts";
import { checkNamespaceName, checkReleaseName } from "../shared/names.ts";
import { duration, flag, onlyKnown, text, texts, values } from "./parse.ts";
import type { Fields } from "./parse.ts";

/** What requests mean that name neither cluster nor namespace. */
export interface Defaults {
  readonly cluster: string;
  readonly namespace: string;
}

const TARGET_FIELDS = ["releaseName", "namespace"];
const OPTION_FIELDS = [
  ...["wait", "timeout", "no-hooks", "noHooks", "disableHooks", "force", "description", "dry-run", "dryRun"],
  ...["skip-crds", "skipCrds", "atomic", "history-max", "historyMax", "waitForJobs", "wait-for-jobs"],
];
const CHART_FIELDS = [
  ...["chartName", "privateChartsRepo", "version", "username", "password", "values", "valuesYaml"],
  ...["set", "set-string", "setString", "set-json", "setJson", "set-literal", "setLiteral"],
];
const INSTALL = new Set([
  ...TARGET_FIELDS,
  ...OPTION_FIELDS,
  ...CHART_FIELDS,
  "create-namespace",
  "createNamespace",
  "replace",
]);
const UPGRADE = new Set([
  ...[...TARGET_FIELDS, ...OPTION_FIELDS, ...CHART_FIELDS, "install"],
  ...["reuseValue", "reuseValues", "reuse-values", "resetValues", "reset-values"],
]);
const DELETE = new Set([...TARGET_FIELDS, ...OPTION_FIELDS, "purge", "keep-history", "keepHistory"]);

/** `POST /install`. Without a releaseName each call makes a new release. */
export function toInstall(fields: Fields, defaults: Defaults): InstallCommand {
  onlyKnown(fields, INSTALL);
  return {
    verb: "install",
    target: toTarget(fields, defaults, false),
    chart: toChart(fields),
    values: toValues(fields),
    options: toOptions(fields),
    // Helm 2, which Autom8s ran, made the namespace by itself.
    createNamespace: flag(fields, "createNamespace", "create-namespace") ?? true,
    replace: flag(fields, "replace"),
  };
}

/** `POST /upgrade`. */
export function toUpgrade(fields: Fields, defaults: Defaults): UpgradeCommand {
  onlyKnown(fields, UPGRADE);
  const reuse = flag(fields, "reuseValue", "reuseValues", "reuse-values") === true;
  const reset = flag(fields, "resetValues", "reset-values") === true;
  return {
    verb: "upgrade",
    target: toTarget(fields, defaults, true),
    chart: toChart(fields),
    values: toValues(fields),
    options: toOptions(fields),
    installIfMissing: flag(fields, "install"),
    valuesReuse: reset ? "reset" : reuse ? "reuse" : undefined,
  };
}

/** `POST /delete`: the release and its history, as `helm delete --purge`. */
export function toUninstall(fields: Fields, defaults: Defaults): UninstallCommand {
  onlyKnown(fields, DELETE);
  return {
    verb: "uninstall",
    target: toTarget(fields, defaults, true),
    options: toOptions(fields),
    keepHistory: flag(fields, "keepHistory", "keep-history"),
  };
}

/** `atomic`: what failed is rolled back, or uninstalled where there is nothing to go back to. */
export function toPolicy(fields: Fields): OperationPolicy {
  return flag(fields, "atomic") === true ? { remediation: "rollback" } : {};
}

function toTarget(fields: Fields, defaults: Defaults, needsName: boolean): ReleaseTarget {
  const name = text(fields, "releaseName")?.toLowerCase() ?? "";
  const namespace = text(fields, "namespace") ?? defaults.namespace;
  if (name === "" && needsName) throw invalid("releaseName", "is missing", "Name the release.");
  // Capitals are lowered before.
  if (name !== "") checkReleaseName("releaseName", name, "Letters, digits, - and ., at most 53 characters.");
  checkNamespaceName("namespace", namespace);
  return { cluster: defaults.cluster, namespace, name };
}

function toChart(fields: Fields): ChartReference {
  const given = text(fields, "chartName");
  if (given === undefined) throw invalid("chartName", "is missing", "Name the chart, such as stable/rabbitmq.");
  const common = {
    version: text(fields, "version"),
    username: text(fields, "username"),
    password: text(fields, "password"),
  };
  // A path in a URL means what it says, capitals too.
  if (/^(https?|oci):\/\//i.test(given)) return { url: given, ...common };
  const repository = text(fields, "privateChartsRepo");
  if (repository === undefined && /^(\.{0,2}\/)/.test(given)) return { path: given };
  const name = given.toLowerCase();
  if (repository === undefined) return { name, ...common };
  // With a repository of its own, what stands before the chart's name says nothing.
  return { name: name.slice(name.lastIndexOf("/") + 1), repository, ...common };
}

function toValues(fields: Fields): ValuesInput {
  const given = values(fields);
  const yaml = text(fields, "valuesYaml");
  return {
    documents: yaml === undefined ? [] : [yaml],
    set: [...given.set, ...texts(fields, "set")],
    setString: texts(fields, "setString", "set-string"),
    setJson: [...given.setJson, ...texts(fields, "setJson", "set-json")],
    setLiteral: texts(fields, "setLiteral", "set-literal"),
  };
}

function toOptions(fields: Fields): ActionOptions {
  const historyMax = text(fields, "historyMax", "history-max");
  if (historyMax !== undefined && !/^\d{1,4}$/.test(historyMax))
    throw invalid("historyMax", "is no number", "0 to 9999.");
  return {
    wait: flag(fields, "wait") === true || flag(fields, "atomic") === true ? "watcher" : "hookOnly",
    waitForJobs: flag(fields, "waitForJobs", "wait-for-jobs"),
    timeoutMs: duration(fields, "timeout"),
    disableHooks: flag(fields, "noHooks", "no-hooks", "disableHooks"),
    forceReplace: flag(fields, "force"),
    description: text(fields, "description"),
    dryRun: flag(fields, "dryRun", "dry-run"),
    skipCrds: flag(fields, "skipCrds", "skip-crds"),
    historyMax: historyMax === undefined ? undefined : Number(historyMax),
  };
}

function invalid(field: string, what: string, hint: string): BerthError {
  return new BerthError("INVALID_ARGUMENT", `"${field}" ${what}.`, { field, hint });
}
