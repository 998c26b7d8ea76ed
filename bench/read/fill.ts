import { performance } from "node:perf_hooks";

import { silentLogger, systemClock } from "@berth/base";
import type { DevCluster } from "@berth/devcluster";
import { createKubeClient, ensureNamespace, loadKubeconfig } from "@berth/kube";

import { storeRelease } from "../../test/support/stored.ts";

/** Records written at once. */
const AT_ONCE = 64;
const REVISIONS = 5;
const NAMESPACES = 100;
const CHARTS = ["redis", "postgresql", "nginx", "rabbitmq", "web", "api", "worker", "cron"];

/** Writes so many releases of one revision each, whose records weigh so many bytes. */
export async function fillLarge(cluster: DevCluster, releases: number, weight: number): Promise<void> {
  const kube = createKubeClient(await loadKubeconfig(cluster.kubeconfig), { log: silentLogger, clock: systemClock });
  // Random letters and digits: gzip saves a third of them, base64 adds a third.
  const manifest = Math.floor(weight * 1.1);
  for (let index = 0; index < releases; index++) {
    const name = `large-${String(weight)}-${String(index)}`;
    await storeRelease(kube, { namespace: namespaceOf(index), name, weight: manifest });
  }
  await kube.close();
}

/** Name of the nth namespace. */
export function namespaceOf(index: number): string {
  return `bench-${String(index % NAMESPACES).padStart(2, "0")}`;
}

/** Writes Helm's records of so many releases, five revisions of each, over 100 namespaces and all clusters in turn. */
export async function fill(clusters: readonly DevCluster[], releases: number): Promise<void> {
  const start = performance.now();
  for (const [at, cluster] of clusters.entries()) {
    const kube = createKubeClient(await loadKubeconfig(cluster.kubeconfig), { log: silentLogger, clock: systemClock });
    for (let index = 0; index < NAMESPACES; index++) await ensureNamespace(kube, namespaceOf(index));
    const mine = Array.from({ length: releases }, (_, index) => index).filter((i) => i % clusters.length === at);
    const records = mine.flatMap((index) => Array.from({ length: REVISIONS }, (_, i) => ({ index, revision: i + 1 })));
    const worker = async () => {
      for (let next = records.pop(); next !== undefined; next = records.pop()) {
        const { index, revision } = next;
        await storeRelease(kube, {
          ...{ namespace: namespaceOf(index), name: `r-${String(index).padStart(5, "0")}`, revision },
          status: revision === REVISIONS ? (index % 50 === 0 ? "failed" : "deployed") : "superseded",
          chart: CHARTS[index % CHARTS.length] ?? "web",
          ...{ version: `${String(index % 3)}.${String(revision)}.${String(index % 10)}`, weight: 600 },
          deployed: new Date(Date.UTC(2026, 0, 1) + index * 60_000 + revision * 1000),
        });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await kube.close();
  }
  const seconds = Math.round((performance.now() - start) / 100) / 10;
  console.log(
    JSON.stringify({ bench: "read", what: "records written", releases, revisions: releases * REVISIONS, seconds }),
  );
}
