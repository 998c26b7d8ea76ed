import { ownTestCluster } from "@berth/devcluster";
import { createObject } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { startGateway } from "../gateway.ts";
import type { Gateway } from "../gateway.ts";
import {
  EXPOSURES,
  PORTS,
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
/** Exposures on another address before the first measure: the gateway runs for long, and so is measured once it is compiled. */
const WARM = 600;
/** What a measure counts to. */
const [FEW, MANY] = [10, 10_000];
/** Addresses of the large pool, each with its ConfigMap, and ports of one. */
const [ADDRESSES, CAPACITY] = [11, 1_000];
/** Exposures of each measure: one after the other, and many at once. */
const [ALONE, AT_ONCE] = [50, 300];
const DRIVER = "DRIVER_CONFIGMAP";

/** What the 10,000th exposure of a pool costs beside the 10th, and one more in a ConfigMap of 10,000 entries. */
export async function measureMany(engine: string): Promise<void> {
  await using cluster = await ownTestCluster();
  const kube = await connect(cluster);
  const gateway = await startGateway(cluster, engine);
  try {
    await makeService(kube, SERVICE.service, 8080);
    await makePool(gateway, "warm", DRIVER, [storedIn("warm")]);
    await fill(gateway, "warm", WARM);
    const addresses = Array.from({ length: ADDRESSES }, (_, index) => storedIn(`many-${String(index)}`, CAPACITY));
    await makePool(gateway, "many", DRIVER, addresses);
    await fill(gateway, "many", FEW);
    const few = await measure(gateway, "many", { exposures: FEW });
    const rest = MANY - FEW - 2 * (ALONE + AT_ONCE);
    const { perSecond } = await fill(gateway, "many", rest);
    report({ what: "exposures until there are many", callers: CALLERS, count: rest, perSecond });
    const many = await measure(gateway, "many", { exposures: MANY - ALONE - AT_ONCE });
    report({ what: "the 10,000th exposure to the 10th", ...ratios(many, few) });
    await fillConfigMap(kube, "full");
    await makePool(gateway, "full", DRIVER, [storedIn("full", 2 * MANY)]);
    const full = await measure(gateway, "full", { entriesOfOneConfigMap: MANY });
    report({ what: "one more in a ConfigMap of 10,000 entries to the 10th exposure", ...ratios(full, few) });
  } finally {
    await gateway.stop();
    await kube.close();
  }
}

interface Cost {
  /** Milliseconds of one, where one is asked for after the other. */
  readonly alone: number;
  /** Milliseconds for each, where many are asked for at once. */
  readonly atOnce: number;
}

async function measure(gateway: Gateway, pool: string, before: object): Promise<Cost> {
  const alone = quantiles((await fill(gateway, pool, ALONE, 1)).times);
  const atOnce = round(1000 / (await fill(gateway, pool, AT_ONCE)).perSecond, 1);
  const parts = { alone: { count: ALONE, ms: alone }, atOnce: { count: AT_ONCE, callers: CALLERS, msEach: atOnce } };
  report({ what: "exposures", before, ...parts });
  return { alone: alone.p50, atOnce };
}

let made = 0;

function fill(gateway: Gateway, pool: string, count: number, callers = CALLERS): Promise<Timed> {
  return timed(count, callers, async () => {
    const name = `e-${String(made++)}`;
    const { state } = await send<Exposed>(gateway, `${EXPOSURES}?wait=60`, { ...SERVICE, name, pool });
    if (state !== "EXPOSURE_STATE_READY") throw new Error(`An exposure is ${state}.`);
  });
}

/** Entries that others made, on ports that are not the pool's. */
async function fillConfigMap(kube: KubeClient, name: string): Promise<void> {
  const ports = [...Array(65_536).keys()].filter((port) => port > 0 && (port < PORTS.from || port > PORTS.to));
  const data = Object.fromEntries(ports.slice(0, MANY).map((port) => [String(port), "default/somebody-else:80"]));
  const where = { resource: { group: "", version: "v1", plural: "configmaps" }, namespace: "default" };
  await createObject(kube, where, { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });
}

function ratios(many: Cost, few: Cost): Cost {
  return { alone: round(many.alone / few.alone, 2), atOnce: round(many.atOnce / few.atOnce, 2) };
}
