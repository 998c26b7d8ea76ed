import { asBerthError } from "@berth/base";
import type { Clock } from "@berth/base";
import type { KubeClient } from "@berth/kube";

import type { ClusterFacts } from "./types.ts";

/** Milliseconds for one answer. */
const LIMIT = 5_000;
/** API groups that mean a capability. */
const GROUPS: Readonly<Record<string, string>> = {
  "gateway.networking.k8s.io": "gateway-api",
  "berth.dev": "exposures",
};

/** Asks a cluster how it is. Never rejects: what went wrong is part of the facts. */
export async function probe(client: KubeClient, clock: Clock, before: ClusterFacts): Promise<ClusterFacts> {
  const start = clock.monotonic();
  try {
    const { gitVersion } = await client.request<{ gitVersion: string }>({ path: "/version", timeoutMs: LIMIT });
    const latencyMs = Math.round(clock.monotonic() - start);
    const capabilities = await capabilitiesOf(client);
    return {
      ...{ state: "ready", reason: "Reached", message: "Its API server answers." },
      ...{ version: gitVersion.slice(0, 64), latencyMs, capabilities },
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

async function capabilitiesOf(client: KubeClient): Promise<readonly string[]> {
  const { groups } = await client.request<{ groups: readonly { readonly name: string }[] }>({
    path: "/apis",
    timeoutMs: LIMIT,
  });
  const found = groups.flatMap(({ name }) => GROUPS[name] ?? []);
  // Every API server that Helm 4 supports has it.
  return ["server-side-apply", ...found].sort();
}
