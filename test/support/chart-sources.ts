import assert from "node:assert/strict";

import type { TestBerth } from "./berth.ts";

/** A chart source as REST answers it. */
export interface SourceAnswer {
  readonly namespace: string;
  readonly name: string;
  readonly url: string;
  readonly refresh_interval: string;
  readonly suspend: boolean;
  readonly secret_name: string;
  readonly generation: string;
  readonly status: {
    readonly observed_generation: string;
    readonly state: string;
    readonly reason: string;
    readonly message: string;
    readonly last_refresh_time?: string;
    readonly charts?: number;
    readonly digest: string;
  };
}

/** A chart source as Kubernetes has it. */
export interface SourceObject {
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
  readonly spec: { readonly refreshInterval: string; readonly secretRef?: { readonly name: string } };
  readonly status?: {
    readonly observedGeneration: number;
    readonly lastRefreshTime?: string;
    readonly charts?: number;
    readonly digest?: string;
    readonly conditions: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
      readonly message: string;
    }[];
  };
}

/** Path of the chart sources of a namespace in the API of Kubernetes. */
export function sourcesPath(namespace: string): string {
  return `/apis/berth.dev/v1alpha1/namespaces/${namespace}/chartsources`;
}

/** Does what `kubectl apply --server-side` does with a chart source or a Secret. */
export async function applyByHand(berth: TestBerth, kind: "ChartSource" | "Secret", name: string, body: object) {
  const isSource = kind === "ChartSource";
  const folder = isSource ? sourcesPath(berth.namespace) : `/api/v1/namespaces/${berth.namespace}/secrets`;
  await berth.kube.request({
    method: "PATCH",
    path: `${folder}/${name}`,
    query: { fieldManager: "kubectl", force: "true", fieldValidation: "Strict" },
    contentType: "application/apply-patch+yaml",
    body: { apiVersion: isSource ? "berth.dev/v1alpha1" : "v1", kind, metadata: { name }, ...body },
  });
}

/** Waits until a source has a condition Ready of this status, and reason, for its present spec, and gives it. */
export async function untilReady(
  berth: TestBerth,
  name: string,
  status: "True" | "False" | "Unknown",
  reason?: string,
): Promise<SourceObject> {
  for (const limit = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const source = await berth.object<SourceObject & { metadata: { generation: number } }>(
      `${sourcesPath(berth.namespace).slice(1)}/${name}`,
    );
    assert.ok(source, `there is a source ${name}`);
    const ready = source.status?.conditions.find(({ type }) => type === "Ready");
    const isSo = ready?.status === status && ready.reason === (reason ?? ready.reason);
    if (isSo && source.status?.observedGeneration === source.metadata.generation) return source;
    assert.ok(Date.now() < limit, `${name} does not become ${status}: ${JSON.stringify(source.status)}`);
  }
}
