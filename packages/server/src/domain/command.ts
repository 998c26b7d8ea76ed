/** Names a release. All three are valid names: the edges check them. */
export interface ReleaseTarget {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
}

/** Where a chart comes from. Exactly one of `path`, `name`, `url` and `archive` is given. */
export interface ChartReference {
  /** Directory or .tgz on Berth's machine; only where local charts are allowed. */
  readonly path?: string | undefined;
  /** Name in `repository` or `source`; or `NAME/chart` for a ChartSource, or one named in the configuration. */
  readonly name?: string | undefined;
  /** Name of a ChartSource of the namespace that the chart is for. */
  readonly source?: string | undefined;
  /** URL of an HTTP repository, with or without its user and `/index.yaml`, or `oci://registry/path`. */
  readonly repository?: string | undefined;
  /** http or https URL of a .tgz, or `oci://registry/repository`. */
  readonly url?: string | undefined;
  /** The archive itself. */
  readonly archive?: Uint8Array | undefined;
  /** Version or range; the newest stable one where absent. */
  readonly version?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly access?: SourceAccess | undefined;
  /** "sha256:…" the archive must have. */
  readonly digest?: string | undefined;
  /** Whether the repository is asked for its index, however fresh that is. */
  readonly refresh?: boolean | undefined;
  /** Whether a trusted key must have signed it. */
  readonly verify?: boolean | undefined;
  /** Provenance file of `archive`. */
  readonly provenance?: Uint8Array | undefined;
}

/** How a source of charts is reached, beside user name and password; PEM texts. */
export interface SourceAccess {
  readonly bearerToken?: string | undefined;
  readonly certificateAuthority?: string | undefined;
  readonly clientCertificate?: string | undefined;
  readonly clientKey?: string | undefined;
  readonly insecureSkipTlsVerify?: boolean | undefined;
  /** Whether other hosts that a repository's index names see the credentials. */
  readonly passCredentials?: boolean | undefined;
  /** Whether a registry is spoken to over HTTP. */
  readonly plainHttp?: boolean | undefined;
}

/** Values in the order in which Helm merges them. */
export interface ValuesInput {
  /** YAML or JSON documents, kept exactly as they came. */
  readonly documents?: readonly string[] | undefined;
  readonly setJson?: readonly string[] | undefined;
  readonly set?: readonly string[] | undefined;
  readonly setString?: readonly string[] | undefined;
  readonly setFile?: readonly { readonly key: string; readonly content: string }[] | undefined;
  readonly setLiteral?: readonly string[] | undefined;
}

/** Helm's wait strategies. */
export type WaitStrategy = "hookOnly" | "watcher" | "legacy";

/** Helm's flags that several verbs share. What is absent takes Helm's default. */
export interface ActionOptions {
  readonly wait?: WaitStrategy | undefined;
  readonly waitForJobs?: boolean | undefined;
  /** Milliseconds, for each single wait. */
  readonly timeoutMs?: number | undefined;
  readonly disableHooks?: boolean | undefined;
  readonly serverSideApply?: "true" | "false" | "auto" | undefined;
  readonly forceConflicts?: boolean | undefined;
  readonly forceReplace?: boolean | undefined;
  readonly takeOwnership?: boolean | undefined;
  readonly skipCrds?: boolean | undefined;
  readonly skipSchemaValidation?: boolean | undefined;
  /** Revisions kept; -1 for no limit. */
  readonly historyMax?: number | undefined;
  readonly description?: string | undefined;
  readonly dryRun?: boolean | undefined;
  /** Whether the definitions of the chart are applied first, also those that exist. */
  readonly upgradeCrds?: boolean | undefined;
  /** Whether a release is written that Flux or Argo CD manages. */
  readonly forceManaged?: boolean | undefined;
}

/** A port of a release's Service that is to be exposed. */
export interface ExposeWish {
  /** Of the exposure; empty: made of the service's and its port. */
  readonly name: string;
  readonly service: string;
  /** Number or name of the Service's port. */
  readonly servicePort: string;
  readonly protocols: readonly ("tcp" | "udp")[];
  readonly pool: string;
  readonly address?: string | undefined;
  readonly port?: number | undefined;
  readonly reservation?: string | undefined;
  readonly deleteWithRelease?: boolean | undefined;
}

interface WriteCommand {
  readonly target: ReleaseTarget;
  readonly options?: ActionOptions | undefined;
  /** Refused with REVISION_STALE unless the newest stored revision has this number (0: no release). */
  readonly expectedRevision?: number | undefined;
}

/** Install a chart as a new release. An empty `target.name` asks for a generated one. */
export interface InstallCommand extends WriteCommand {
  readonly verb: "install";
  readonly chart: ChartReference;
  /** Token of a plan that has to be true still. */
  readonly planToken?: string | undefined;
  readonly values?: ValuesInput | undefined;
  readonly createNamespace?: boolean | undefined;
  readonly replace?: boolean | undefined;
  /** Made when it is accepted, and again, as far as they are missing, once it has succeeded. */
  readonly expose?: readonly ExposeWish[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Make a new revision of a release. */
export interface UpgradeCommand extends WriteCommand {
  readonly verb: "upgrade";
  readonly chart: ChartReference;
  /** Token of a plan that has to be true still. */
  readonly planToken?: string | undefined;
  readonly values?: ValuesInput | undefined;
  readonly installIfMissing?: boolean | undefined;
  readonly createNamespace?: boolean | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly valuesReuse?: "reset" | "reuse" | "resetThenReuse" | undefined;
  readonly cleanupOnFail?: boolean | undefined;
}

/** Make a new revision out of an older one. */
export interface RollbackCommand extends WriteCommand {
  readonly verb: "rollback";
  /** The previous one where absent. */
  readonly revision?: number | undefined;
  readonly cleanupOnFail?: boolean | undefined;
}

/** Remove a release. */
export interface UninstallCommand extends WriteCommand {
  readonly verb: "uninstall";
  readonly keepHistory?: boolean | undefined;
  readonly ignoreNotFound?: boolean | undefined;
  readonly deletionPropagation?: "background" | "foreground" | "orphan" | undefined;
}

/** Run a release's test hooks. */
export interface TestCommand extends WriteCommand {
  readonly verb: "test";
  /** All where absent. */
  readonly names?: readonly string[] | undefined;
}

/** Give a release that is stuck its ending. */
export interface UnlockCommand extends WriteCommand {
  readonly verb: "unlock";
}

/** What a caller wants written. */
export type Command =
  InstallCommand | UpgradeCommand | RollbackCommand | UninstallCommand | TestCommand | UnlockCommand;

/** A Helm write. */
export type Verb = Command["verb"];

/** How whoever asks ends what he has asked: work that changes nothing is given up, and rejects with the reason. */
export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
}
