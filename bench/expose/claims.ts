import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";

import { silentLogger, systemClock } from "@berth/base";
import { ownTestCluster } from "@berth/devcluster";
import { createInformer, createObject } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { startGateway } from "../gateway.ts";
import type { Gateway } from "../gateway.ts";
import {
  EXPOSURES,
  SERVICE,
  connect,
  makePool,
  makeService,
  quantiles,
  report,
  round,
  send,
  storedIn,
  timed,
} from "./load.ts";
import type { Exposed, Timed } from "./load.ts";

const CALLERS = 32;
/** Claims and raw objects of one round; they take turns, so that what else the machine does hits both. */
const [COUNT, ROUNDS] = [600, 3];
/** Claims and exposures of a replica before the first measure: it runs for long, and so is measured once it is compiled. */
const WARM = 400;
/** Exposures of one measure, where many ask at once, and where one does. */
const [AT_ONCE, ALONE] = [400, 100];
const POOL = "bench";
const claims = { group: "berth.dev", version: "v1alpha1", plural: "portclaims" };

/** Claims a second with one and three replicas beside raw creates of the same object; how long a claim takes to come. */
export async function measureClaims(engine: string): Promise<void> {
  await using cluster = await ownTestCluster();
  const kube = await connect(cluster);
  const replicas: Gateway[] = [];
  try {
    await makeService(kube, SERVICE.service, 8080);
    for (const count of [1, 3]) {
      while (replicas.length < count) replicas.push(await startGateway(cluster, engine));
      if (count === 1) await makePool(replicas[0] as Gateway, POOL, "DRIVER_CONFIGMAP", [storedIn("tcp")]);
      await timed(WARM * count, CALLERS, (index) => reserve(replicas, index));
      await timed(WARM, CALLERS, (index) => expose(replicas, index, randomUUID()));
      await compare(kube, replicas);
      for (const callers of [1, CALLERS]) await measureExposures(kube, replicas, callers);
    }
  } finally {
    for (const replica of replicas) await replica.stop();
    await kube.close();
  }
}

async function reserve(replicas: readonly Gateway[], index: number): Promise<void> {
  const body = { pool: POOL, ttl: "3600s" };
  await send(replicas[index % replicas.length] as Gateway, `${EXPOSURES}:reserve`, body);
}

async function expose(replicas: readonly Gateway[], index: number, name: string): Promise<void> {
  const body = { ...SERVICE, name, pool: POOL };
  const { state } = await send<Exposed>(replicas[index % replicas.length] as Gateway, EXPOSURES, body);
  if (state !== "EXPOSURE_STATE_READY") throw new Error(`An exposure is ${state}.`);
}

/** Reservations, which are a claim and nothing else, and raw creates of the same object, in turn. */
async function compare(kube: KubeClient, replicas: readonly Gateway[]): Promise<void> {
  const [raw, claimed]: [Timed[], Timed[]] = [[], []];
  for (let done = 0; done < ROUNDS; done++) {
    const first = 10_000 + (replicas.length * ROUNDS + done) * COUNT;
    raw.push(await timed(COUNT, CALLERS, (index) => createRaw(kube, first + index)));
    claimed.push(await timed(COUNT, CALLERS, (index) => reserve(replicas, index)));
  }
  const [rawRate, rate] = [raw, claimed].map((rounds) => {
    return ROUNDS / rounds.reduce((sum, { perSecond }) => sum + 1 / perSecond, 0);
  }) as [number, number];
  const common = { count: COUNT * ROUNDS, callers: CALLERS };
  const times = (rounds: readonly Timed[]) => quantiles(rounds.flatMap((one) => one.times));
  report({ what: "raw creates", ...common, perSecond: round(rawRate, 0), ms: times(raw) });
  const toRaw = round(rate / rawRate, 2);
  const line = { what: "claims", replicas: replicas.length, ...common, perSecond: round(rate, 0), toRaw };
  report({ ...line, ms: times(claimed) });
}

/** A claim on an address that nobody has. */
async function createRaw(kube: KubeClient, port: number): Promise<void> {
  const reservation = { id: randomUUID(), by: "loopback", expireTime: new Date(Date.now() + 3_600_000).toISOString() };
  const spec = { slot: "raw", protocol: "tcp", port, pool: "raw", reservation };
  const metadata = { name: `raw.tcp.${String(port)}` };
  const body = { apiVersion: "berth.dev/v1alpha1", kind: "PortClaim", metadata, spec };
  await createObject(kube, { resource: claims }, body);
}

/**
 * Exposures from the request to the claim, as a watch of its own tells it, and to
 * the answer that names the port and says that its entry is stored.
 */
async function measureExposures(kube: KubeClient, replicas: readonly Gateway[], callers: number): Promise<void> {
  const seen = new Map<string, number>();
  const watch = createInformer({
    ...{ client: kube, log: silentLogger, clock: systemClock, resource: claims },
    transform: (object) => (object as { spec?: { exposure?: { name: string } } }).spec?.exposure?.name,
  });
  watch.onChange((change) => {
    if (change.type === "added") seen.set(change.object, performance.now());
  });
  watch.start();
  await watch.synced();
  const count = callers === 1 ? ALONE : AT_ONCE;
  const started = new Map<string, number>();
  try {
    const { times, perSecond } = await timed(count, callers, async (index) => {
      const name = randomUUID();
      started.set(name, performance.now());
      await expose(replicas, index, name);
    });
    while ([...started.keys()].some((name) => !seen.has(name))) await systemClock.sleep(10);
    const claimed = [...started].map(([name, at]) => (seen.get(name) ?? Number.NaN) - at);
    const line = { what: "exposures", replicas: replicas.length, callers, count, perSecond };
    report({ ...line, msToClaim: quantiles(claimed), msToReady: quantiles(times) });
  } finally {
    await watch.stop();
  }
}
