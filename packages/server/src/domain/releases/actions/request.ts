import { engine } from "@berth/contract";

import { impersonationOf } from "../../access/index.ts";
import type { Principal } from "../../access/index.ts";
import type { ResolvedChart } from "../../charts/index.ts";
import type { Cluster } from "../../clusters/index.ts";
import type {
  ActionOptions,
  Command,
  InstallCommand,
  ReleaseTarget,
  UpgradeCommand,
  ValuesInput,
} from "../../command.ts";
import type { ActionRun } from "../action.ts";
import type { StorageKind } from "../stored-revision.ts";

/*
 * What the engine is told, made out of commands. Everything the engine acts on
 * stands in its request: it holds no state and no identity.
 */

/** Names the release for the engine, and who acts: the principal applies, Berth stores. */
export function toTarget(
  cluster: Cluster,
  principal: Principal,
  target: ReleaseTarget,
  storage: StorageKind | undefined,
) {
  const { connection } = cluster;
  const own = {
    // One from a file is rotated, also while an action runs: the engine reads the file itself.
    ...(connection.tokenFile === undefined ? { token: connection.token ?? "" } : { tokenFile: connection.tokenFile }),
    clientCertificate: toBytes(connection.clientCertificate),
    clientKey: toBytes(connection.clientKey),
  };
  const impersonation = impersonationOf(principal);
  return {
    cluster: {
      server: connection.server,
      certificateAuthority: toBytes(connection.certificateAuthority),
      tlsServerName: connection.tlsServerName ?? "",
      insecureSkipTlsVerify: connection.insecureSkipTlsVerify ?? false,
      proxyUrl: connection.proxyUrl ?? "",
    },
    apply: {
      ...own,
      impersonateUser: impersonation?.user ?? "",
      impersonateGroups: [...(impersonation?.groups ?? [])],
    },
    storage: own,
    namespace: target.namespace,
    release: target.name,
    storageDriver: storage === "configmaps" ? engine.StorageDriver.CONFIGMAP : engine.StorageDriver.SECRET,
  };
}

/** The part of each engine request that says whose action it is. */
export function toContext(command: Command, run: ActionRun, chart?: ResolvedChart) {
  const { expectedRevision } = command;
  return {
    operationId: run.operationId,
    ...(run.fence === undefined ? {} : { fence: run.fence }),
    ...(run.holdMs === undefined ? {} : { hold: toDuration(run.holdMs) }),
    ...(expectedRevision === undefined ? {} : { expectedRevision }),
    traceparent: run.context.traceparent,
    provenance: {
      actor: run.principal.name,
      operation: run.operationId,
      ...(chart === undefined ? {} : { "chart-source": describeSource(chart) }),
    },
  };
}

/** Where a chart came from, without credentials and without a path of the machine. */
function describeSource({ source }: ResolvedChart): string {
  switch (source.kind) {
    case "path":
      return "local";
    case "archive":
      return "upload";
    case "repository":
      return `${withoutQuery(source.url)}/${source.name}`;
    case "oci":
      return `oci://${source.reference}`;
    case "url":
      return withoutQuery(source.url);
  }
}

/** A query may be a secret. */
function withoutQuery(url: string): string {
  return url.split("?", 1)[0] ?? "";
}

/** Values as the engine merges them. */
export function toValues(values: ValuesInput = {}) {
  return {
    documents: [...(values.documents ?? [])],
    setJson: [...(values.setJson ?? [])],
    set: [...(values.set ?? [])],
    setString: [...(values.setString ?? [])],
    setFile: [...(values.setFile ?? [])],
    setLiteral: [...(values.setLiteral ?? [])],
  };
}

const WAIT = {
  hookOnly: engine.WaitStrategy.HOOK_ONLY,
  watcher: engine.WaitStrategy.WATCHER,
  legacy: engine.WaitStrategy.LEGACY,
} as const;

const SERVER_SIDE = {
  true: engine.ServerSideApply.TRUE,
  false: engine.ServerSideApply.FALSE,
  auto: engine.ServerSideApply.AUTO,
} as const;

/** Helm's shared flags; labels belong to them on the wire. */
export function toOptions(options: ActionOptions = {}, labels: Readonly<Record<string, string>> = {}) {
  return {
    wait: WAIT[options.wait ?? "hookOnly"],
    waitForJobs: options.waitForJobs ?? false,
    ...(options.timeoutMs === undefined ? {} : { timeout: toDuration(options.timeoutMs) }),
    disableHooks: options.disableHooks ?? false,
    ...(options.serverSideApply === undefined ? {} : { serverSideApply: SERVER_SIDE[options.serverSideApply] }),
    forceConflicts: options.forceConflicts ?? false,
    forceReplace: options.forceReplace ?? false,
    takeOwnership: options.takeOwnership ?? false,
    skipCrds: options.skipCrds ?? false,
    skipSchemaValidation: options.skipSchemaValidation ?? false,
    historyMax: options.historyMax ?? 0,
    description: options.description ?? "",
    dryRun: options.dryRun ?? false,
    upgradeCrds: options.upgradeCrds ?? false,
    forceManaged: options.forceManaged ?? false,
    labels: { ...labels },
  };
}

/** Milliseconds as google.protobuf.Duration. */
export function toDuration(ms: number): { seconds: bigint; nanos: number } {
  const seconds = Math.trunc(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

function toBytes(pem: string | undefined): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(pem ?? "");
}

/** What an install asks of the engine beside target, context and chart. */
export function toInstall({ values, options, labels, createNamespace, replace }: InstallCommand) {
  return {
    values: toValues(values),
    options: toOptions(options, labels),
    createNamespace: createNamespace ?? false,
    replace: replace ?? false,
  };
}

const REUSE = {
  reset: engine.ValuesReuse.RESET,
  reuse: engine.ValuesReuse.REUSE,
  resetThenReuse: engine.ValuesReuse.RESET_THEN_REUSE,
} as const;

/** What an upgrade asks of the engine beside target, context and chart. */
export function toUpgrade({ values, options, labels, valuesReuse, ...command }: UpgradeCommand) {
  return {
    values: toValues(values),
    options: toOptions(options, labels),
    installIfMissing: command.installIfMissing ?? false,
    createNamespace: command.createNamespace ?? false,
    valuesReuse: valuesReuse === undefined ? engine.ValuesReuse.UNSPECIFIED : REUSE[valuesReuse],
    cleanupOnFail: command.cleanupOnFail ?? false,
  };
}
