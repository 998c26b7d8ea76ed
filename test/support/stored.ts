import { gzipSync } from "node:zlib";

import type { KubeClient } from "@berth/kube";

/** A stored revision as Helm writes it. */
export interface StoredRelease {
  readonly namespace: string;
  readonly name: string;
  readonly revision?: number;
  readonly status?: string;
  readonly chart?: string;
  readonly version?: string;
  /** Bytes of manifest, which do not compress. */
  readonly weight?: number;
  readonly deployed?: Date;
  readonly labels?: Readonly<Record<string, string>>;
  /** The record's text instead of one that is made. */
  readonly data?: string;
  readonly driver?: "secrets" | "configmaps";
}

/** Writes Helm's record of a revision, without anything that it would deploy. */
export async function storeRelease(kube: KubeClient, release: StoredRelease): Promise<void> {
  const { namespace, name, revision = 1, status = "deployed", driver = "secrets" } = release;
  const text = release.data ?? encodeRelease(release);
  const isSecret = driver === "secrets";
  await kube.request({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/${driver}`,
    body: {
      apiVersion: "v1",
      kind: isSecret ? "Secret" : "ConfigMap",
      metadata: {
        name: `sh.helm.release.v1.${name}.v${String(revision)}`,
        labels: { ...release.labels, owner: "helm", name, status, version: String(revision) },
      },
      ...(isSecret ? { type: "helm.sh/release.v1" } : {}),
      data: { release: isSecret ? Buffer.from(text).toString("base64") : text },
    },
  });
}

/** Helm's encoding of a record: JSON, gzip, base64. */
function encodeRelease(release: StoredRelease): string {
  const { namespace, name, revision = 1, status = "deployed", chart = "web", version = "1.0.0", weight = 0 } = release;
  const deployed = (release.deployed ?? new Date("2026-01-02T03:04:05Z")).toISOString();
  const info = {
    first_deployed: deployed,
    last_deployed: deployed,
    deleted: "",
    description: "Install complete",
    status,
  };
  const metadata = { apiVersion: "v2", name: chart, version, appVersion: version };
  const manifest = `---\n# ${noise(weight)}\n`;
  const record = { name, namespace, version: revision, info, chart: { metadata, templates: [], values: {} }, manifest };
  return gzipSync(JSON.stringify({ ...record, config: {} })).toString("base64");
}

function noise(bytes: number): string {
  let text = "";
  while (text.length < bytes) text += Math.random().toString(36).slice(2);
  return text.slice(0, bytes);
}
