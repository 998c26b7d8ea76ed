import type { KubeClient, Resource } from "@berth/kube";

import { groupOf } from "./kinds.ts";

/** What an API server says of the resources of one version of a group. */
interface ResourceList {
  readonly resources: readonly { readonly name: string; readonly kind: string }[];
}

/** Says under which name objects of a kind are served. */
export type Discovery = (apiVersion: string, kind: string) => Promise<Resource | undefined>;

/** Asks an API server for each version of a group once; undefined where it does not serve the kind, or does not say. */
export function createDiscovery(client: KubeClient, signal: AbortSignal): Discovery {
  const asked = new Map<string, Promise<ResourceList>>();
  const ask = (apiVersion: string) => {
    const path = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const list = asked.get(apiVersion) ?? client.request<ResourceList>({ path, signal });
    asked.set(apiVersion, list);
    return list;
  };
  return async (apiVersion, kind) => {
    const { resources } = await ask(apiVersion).catch(() => ({ resources: [] }));
    const found = resources.find((one) => one.kind === kind && !one.name.includes("/"));
    if (found === undefined) return undefined;
    const version = apiVersion.slice(apiVersion.indexOf("/") + 1);
    return { group: groupOf(apiVersion), version, plural: found.name };
  };
}
