/** A release as it is stored: its newest revision, or one of its history. */
export interface Release {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: number;
  /** Helm's word: deployed, failed, superseded, pending-install, … */
  readonly status: string;
  readonly description: string;
  readonly firstDeployed: Date | undefined;
  readonly lastDeployed: Date | undefined;
  readonly deleted: Date | undefined;
  readonly chart: ChartName | undefined;
  /** The caller's labels; neither Helm's nor Berth's. */
  readonly labels: Readonly<Record<string, string>>;
  /** Who made the revision, from what; keys without `berth.dev/`. */
  readonly provenance: Readonly<Record<string, string>>;
  /** Empty where Berth did not write it. */
  readonly operationId: string;
  /** Why chart and times are missing; empty where they are there. */
  readonly unreadable: string;
  /** Whether chart and times are missing because the record is not read yet. */
  readonly summaryPending?: boolean | undefined;
  /** Who else deploys it; absent where that is not known, as in lists. */
  readonly managedBy?: string | undefined;
  /** Set by the view where nobody seems to work on it any more. */
  readonly stuck?: Stuck | undefined;
}

/** Since when a release has no ending and nobody who works on it, and how that is seen. */
export interface Stuck {
  readonly since: Date;
  readonly reason: string;
}

/** A chart as a release carries it. */
export interface ChartName {
  readonly name: string;
  readonly version: string;
  readonly appVersion: string;
}
