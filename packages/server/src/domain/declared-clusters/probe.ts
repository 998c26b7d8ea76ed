import { asBerthError } from "@berth/base";
import type { Clock } from "@berth/base";
import { getObject, isNotFound } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import type { ClusterFacts } from "./types.ts";

/** Milliseconds for one answer. */
const LIMIT = 5_000;
const GATEWAY = "gateway.networking.k8s.io";
/** API groups that mean a capability. */
const GROUPS: Readonly<Record<string, string>> = {
  [GATEWAY]: "gateway-api",
  "berth.dev": "exposures",
};

/** Asks a cluster how it is. Never rejects: what went wrong is part of the facts. */
export async function probe(client: KubeClient, clock: Clock, before: ClusterFacts): Promise<ClusterFacts> {
  const start = clock.monotonic();
  try {
    const { gitVersion } = await client.request<{ gitVersion: string }>({ path: "/version", timeoutMs: LIMIT });
    const latencyMs = Math.round(clock.monotonic() - start);
    const capabilities = await capabilitiesOf(client);
    const uid = await uidOf(client);
    return {
      ...{ state: "ready", reason: "Reached", message: "Its API server answers." },
      ...{ version: gitVersion.slice(0, 64), latencyMs, capabilities, uid },
      ...{ lastContact: new Date(clock.now()), lastError: before.lastError },
    };
  } catch (error) {
    return failed(error, before);
  }
}

/** What is known of a cluster after a failure. */
export function failed(error: unknown, before: ClusterFacts): ClusterFacts {
  const { code, message } = asBerthError(error);
  return { ...before, state: "failed", reason: code, message, lastError: message };
}

/** Empty where Berth may not read it. */
async function uidOf(client: KubeClient): Promise<string> {
  const reference = { resource: { group: "", version: "v1", plural: "namespaces" }, name: "kube-system" };
  try {
    return (await getObject(client, reference, { isBrief: true, timeoutMs: LIMIT }))?.metadata.uid ?? "";
  } catch (error) {
    if (asBerthError(error).code === "FORBIDDEN") return "";
    throw error;
  }
}

async function capabilitiesOf(client: KubeClient): Promise<readonly string[]> {
  const { groups } = await client.request<{ groups: readonly { readonly name: string }[] }>({
    path: "/apis",
    timeoutMs: LIMIT,
  });
  const found = groups.flatMap(({ name }) => GROUPS[name] ?? []);
  const drivers = found.includes("exposures") ? await driversOf(client, found.includes("gateway-api")) : [];
  // Every API server that Helm 4 supports has it.
  return ["server-side-apply", ...found, ...drivers].sort();
}

/** What an API server says of a version of a group. */
interface Served {
  readonly resources: readonly { readonly name: string }[];
}

/** What can carry ports there, as far as its API server alone can tell. */
async function driversOf(client: KubeClient, hasGateways: boolean): Promise<readonly string[]> {
  const always = ["driver-configmap", "driver-nodeport"];
  if (!hasGateways) return always;
  const path = `/apis/${GATEWAY}/v1`;
  const { resources } = await client.request<Served>({ path, timeoutMs: LIMIT }).catch((error: unknown): Served => {
    if (isNotFound(error)) return { resources: [] };
    throw error;
  });
  const names = new Set(resources.map(({ name }) => name));
  const isWhole = names.has("listenersets") && (names.has("tcproutes") || names.has("udproutes"));
  return isWhole ? [...always, "driver-gateway"] : always;
}
