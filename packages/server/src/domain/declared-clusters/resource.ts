import type { Condition, KubeObject, Resource } from "@berth/kube";

import type { ClusterFacts, ClusterSettings, DeclaredCluster } from "./types.ts";

/*
 * Clusters as objects of the API. What anybody may write by kubectl has been
 * checked by the definition's schema, packages/kube/crds.
 */

export const declaredClusters: Resource = { group: "berth.dev", version: "v1alpha1", plural: "clusters" };
export const API_VERSION = "berth.dev/v1alpha1";
export const KIND = "Cluster";
/** Holds a cluster that is deleted until the Secret that Berth has made for it is gone. */
export const FINALIZER = "berth.dev/cluster-credentials";
/** Label of a Secret that Berth has made for a cluster, with the cluster's name. */
export const SECRET_LABEL = "berth.dev/cluster";

/** The spec as it is stored. */
export interface StoredSpec {
  readonly server?: string;
  readonly secretRef?: { readonly name: string };
  readonly context?: string;
  readonly inCluster?: boolean;
  readonly proxyUrl?: string;
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly watchNamespaces?: readonly string[];
}

/** The status as it is stored. */
export interface StoredStatus {
  readonly observedGeneration?: number;
  readonly version?: string;
  readonly capabilities?: readonly string[];
  readonly conditions?: readonly Condition[];
}

/** A cluster as an object of the API. */
export interface ClusterObject extends KubeObject {
  readonly spec: StoredSpec;
  readonly status?: StoredStatus;
}

/** Nothing is known yet. */
export const NO_FACTS: ClusterFacts = {
  ...{ state: "unknown", reason: "", message: "", version: "", lastError: "", capabilities: [], uid: "" },
  ...{ latencyMs: undefined, lastContact: undefined },
};

/** What is stored, in the domain's words, with what this replica knows. */
export function fromObject(
  { metadata, spec }: ClusterObject,
  seen: Pick<DeclaredCluster, "facts" | "sameAs" | "releases">,
): DeclaredCluster {
  const { creationTimestamp } = metadata;
  return {
    name: metadata.name,
    isHome: false,
    ...settingsOf(spec),
    secretName: spec.secretRef?.name ?? "",
    generation: metadata.generation ?? 0,
    resourceVersion: metadata.resourceVersion ?? "",
    createTime: creationTimestamp === undefined ? undefined : new Date(creationTimestamp),
    ...seen,
  };
}

/** What is said of a cluster, with what is left out. */
export function settingsOf(spec: StoredSpec): ClusterSettings {
  const { server = "", context = "", inCluster = false, proxyUrl = "", tlsServerName = "" } = spec;
  const { insecureSkipTlsVerify = false, watchNamespaces = [] } = spec;
  return { server, context, inCluster, proxyUrl, tlsServerName, insecureSkipTlsVerify, watchNamespaces };
}

/** What is said of a cluster, as it is stored: without what is empty. */
export function toSpec({ watchNamespaces, ...settings }: ClusterSettings, secretName: string): StoredSpec {
  const given = Object.entries(settings).filter(([, value]) => value !== "" && value !== false);
  return {
    ...(Object.fromEntries(given) as StoredSpec),
    ...(secretName === "" ? {} : { secretRef: { name: secretName } }),
    ...(watchNamespaces.length === 0 ? {} : { watchNamespaces }),
  };
}
