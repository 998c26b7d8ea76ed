import { systemClock } from "@berth/base";
import { ensureEngine, ownTestCluster } from "@berth/devcluster";

import { readEvents } from "../test/support/events.ts";
import type { Gateway } from "./gateway.ts";
import { residentMiB } from "./memory.ts";
import { fill, fillLarge } from "./read/fill.ts";
import { measureStart } from "./read/start.ts";

/** Releases of five small revisions each. */
const SMALL = 10_000;
/** Releases with larger records: how many, and of how many bytes. */
const LARGE = [
  [2_000, 50_000],
  [200, 500_000],
] as const;
/** Open watches of one list. */
const WATCHERS = [100, 1_000];

/** Starts over one cluster with many small records, then with large ones too; then what each watch of a list weighs. */
export async function measureStarts(): Promise<void> {
  const engine = await ensureEngine();
  await using home = await ownTestCluster({ nodes: 0 });
  await fill([home], SMALL);
  let releases = SMALL;
  let gateway = await measureStart({ home, engine, releases });
  await gateway.stop();
  for (const [count, weight] of LARGE) {
    await fillLarge(home, count, weight);
    releases += count;
    console.log(JSON.stringify({ bench: "start", what: "large records written", count, weight }));
    gateway = await measureStart({ home, engine, releases });
    await gateway.stop();
  }
  gateway = await measureStart({ home, engine, releases });
  await measureWatchers(gateway);
  await gateway.stop();
}

async function measureWatchers(gateway: Gateway): Promise<void> {
  const ending = new AbortController();
  const open: Promise<void>[] = [];
  const before = await residentMiB(gateway.pid);
  for (const count of WATCHERS) {
    while (open.length < count) {
      const synced = Promise.withResolvers<void>();
      const url = `${gateway.url}/v1/clusters/-/releases:watch?chart=redis&status=failed`;
      const reading = (async () => {
        for await (const { event } of readEvents(url, {}, ending.signal)) if (event === "synced") synced.resolve();
      })();
      open.push(reading.catch(() => undefined));
      await synced.promise;
    }
    await systemClock.sleep(2_000);
    const more = (await residentMiB(gateway.pid)) - before;
    const each = Math.round((more * 1024) / count);
    console.log(JSON.stringify({ bench: "start", what: "watchers of a list", count, moreMiB: more, eachKiB: each }));
  }
  ending.abort();
  await Promise.all(open);
}
