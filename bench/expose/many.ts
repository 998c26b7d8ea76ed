import { ownTestCluster } from "@berth/devcluster";

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
/** Exposures on another address before the first measure: the gateway runs for long, and so is measured once it is compiled. */
const WARM = 600;
/** How many the address has before each of the two measures. */
const [FEW, MANY] = [10, 10_000];
/** Exposures of each measure: one after the other, and many at once. */
const [ALONE, AT_ONCE] = [50, 300];

/** What the 10,000th exposure of an address costs beside the 10th. */
export async function measureMany(engine: string): Promise<void> {
  await using cluster = await ownTestCluster();
  const kube = await connect(cluster);
  const gateway = await startGateway(cluster, engine);
  try {
    await makeService(kube, SERVICE.service, 8080);
    await makePool(gateway, "warm", "DRIVER_CONFIGMAP", storedIn("tcp-warm", "192.0.2.1"));
    await makePool(gateway, "many", "DRIVER_CONFIGMAP", storedIn("tcp-many", "192.0.2.2"));
    await fill(gateway, "warm", WARM);
    await fill(gateway, "many", FEW);
    const few = await measure(gateway, FEW);
    const filled = await fill(gateway, "many", MANY - FEW - ALONE - AT_ONCE);
    report({ what: "exposures until there are many", callers: CALLERS, perSecond: filled.perSecond });
    const many = await measure(gateway, MANY);
    report({
      what: "the 10,000th to the 10th",
      alone: ratio(many.alone, few.alone),
      atOnce: ratio(many.atOnce, few.atOnce),
    });
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

async function measure(gateway: Gateway, before: number): Promise<Cost> {
  const alone = quantiles((await fill(gateway, "many", ALONE, 1)).times);
  const { perSecond } = await fill(gateway, "many", AT_ONCE);
  const atOnce = round(1000 / perSecond, 1);
  report({
    what: "exposures on an address",
    before,
    alone: { count: ALONE, ms: alone },
    atOnce: { count: AT_ONCE, callers: CALLERS, msEach: atOnce },
  });
  return { alone: alone.p50, atOnce };
}

function fill(gateway: Gateway, pool: string, count: number, callers = CALLERS): Promise<Timed> {
  return timed(count, callers, async () => {
    const name = `e-${String(made++)}`;
    const { state } = await send<Exposed>(gateway, `${EXPOSURES}?wait=60`, { ...SERVICE, name, pool });
    if (state !== "EXPOSURE_STATE_READY") throw new Error(`An exposure is ${state}.`);
  });
}

let made = 0;

function ratio(many: number, few: number): number {
  return round(many / few, 2);
}
