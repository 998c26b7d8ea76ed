import { readyAmong } from "@berth/kube";
import type { Condition, KubeObject, Resource } from "@berth/kube";

import { parseDuration } from "./duration.ts";
import type { ChartSource, SourceSettings, SourceState } from "./types.ts";

/*
 * Chart sources as objects of the API. What anybody may write by kubectl has
 * been checked by the definition's schema, packages/kube/crds.
 */

export const chartSources: Resource = { group: "berth.dev", version: "v1alpha1", plural: "chartsources" };
export const API_VERSION = "berth.dev/v1alpha1";
export const KIND = "ChartSource";
/** Annotation that asks for a refresh: whenever it changes. */
export const REFRESH = "berth.dev/refresh";
/** Unless the source says otherwise. */
const DEFAULT_INTERVAL = 600_000;

/** The status as it is stored. */
export interface StoredStatus {
  readonly observedGeneration?: number;
  readonly observedSecretVersion?: string;
  readonly observedRefresh?: string;
  readonly lastRefreshTime?: string;
  readonly charts?: number;
  readonly digest?: string;
  readonly conditions?: readonly Condition[];
}

/** The spec as it is stored. */
export interface StoredSpec {
  readonly url: string;
  readonly refreshInterval?: string;
  readonly secretRef?: { readonly name: string };
  readonly insecureSkipTlsVerify?: boolean;
  readonly passCredentials?: boolean;
  readonly plainHttp?: boolean;
  readonly suspend?: boolean;
}

/** A chart source as an object of the API. */
export interface SourceObject extends KubeObject {
  readonly spec: StoredSpec;
  readonly status?: StoredStatus;
}

/** How often a source is to be asked, in milliseconds. */
export function intervalOf({ refreshInterval = "" }: StoredSpec): number {
  return parseDuration(refreshInterval) ?? DEFAULT_INTERVAL;
}

const STATES = { True: "ready", False: "failed", Unknown: "suspended" } as const satisfies Record<string, SourceState>;

/** What is stored, in the domain's words. */
export function fromObject({ metadata, spec, status = {} }: SourceObject): ChartSource {
  const ready = readyAmong(status.conditions);
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    url: spec.url,
    refreshIntervalMs: intervalOf(spec),
    insecureSkipTlsVerify: spec.insecureSkipTlsVerify ?? false,
    passCredentials: spec.passCredentials ?? false,
    plainHttp: spec.plainHttp ?? false,
    suspend: spec.suspend ?? false,
    secretName: spec.secretRef?.name ?? "",
    generation: metadata.generation ?? 0,
    resourceVersion: metadata.resourceVersion ?? "",
    createTime: toDate(metadata.creationTimestamp),
    status: {
      observedGeneration: status.observedGeneration ?? 0,
      state: ready === undefined ? "unknown" : STATES[ready.status],
      reason: ready?.reason ?? "",
      message: ready?.message ?? "",
      lastRefreshTime: toDate(status.lastRefreshTime),
      charts: status.charts,
      digest: status.digest ?? "",
    },
  };
}

/** What is asked of a source, as it is stored. */
export function toSpec(settings: SourceSettings, interval: string, secretName: string): StoredSpec {
  const { url, insecureSkipTlsVerify, passCredentials, plainHttp, suspend } = settings;
  const flags = Object.entries({ insecureSkipTlsVerify, passCredentials, plainHttp, suspend });
  return {
    url,
    refreshInterval: interval,
    ...(secretName === "" ? {} : { secretRef: { name: secretName } }),
    ...Object.fromEntries(flags.filter(([, isSet]) => isSet)),
  };
}

function toDate(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}
