import { performance } from "node:perf_hooks";

import { systemClock } from "@berth/base";
import type { DevCluster } from "@berth/devcluster";

import { startGateway } from "../gateway.ts";
import type { Gateway } from "../gateway.ts";
import { residentMiB, sampleMemory } from "../memory.ts";

/** What is started on what. */
export interface Start {
  readonly home: DevCluster;
  readonly engine: string;
  /** How many there are in all clusters. */
  readonly releases: number;
}

/** Starts the gateway, and says how long it takes until it is useful, and until it knows every record, and what it weighs. */
export async function measureStart({ home, engine, releases }: Start): Promise<Gateway> {
  const start = performance.now();
  let pid = 0;
  const peak = sampleMemory((_name, one) => one === pid);
  const gateway = await startGateway(home, engine);
  pid = gateway.pid;
  const useful = performance.now() - start;
  for (;;) {
    const answer = await fetch(`${gateway.url}/v1/clusters/-/releases?page_size=1`);
    const page = (await answer.json()) as { total_size?: number; pending_summaries?: number; stale_clusters?: [] };
    const isWhole = page.total_size === releases && (page.stale_clusters ?? []).length === 0;
    if (isWhole && (page.pending_summaries ?? 0) === 0) break;
    await systemClock.sleep(100);
  }
  const complete = performance.now() - start;
  await systemClock.sleep(3_000);
  const memory = { peakMiB: await peak(), residentMiB: await residentMiB(pid) };
  const line = { what: "start", releases, usefulMs: Math.round(useful), completeMs: Math.round(complete), ...memory };
  console.log(JSON.stringify({ bench: "read", ...line }));
  return gateway;
}
