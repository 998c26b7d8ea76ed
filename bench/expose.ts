import { ensureEngine } from "@berth/devcluster";

import { measureClaims } from "./expose/claims.ts";
import { measureEnvoy } from "./expose/envoy.ts";
import { measureMany } from "./expose/many.ts";

/** What giving ports costs: the claim alone, an exposure, the 10,000th of them, and one through a real Envoy. */
export async function measureExposures(): Promise<void> {
  const engine = await ensureEngine();
  await measureClaims(engine);
  await measureMany(engine);
  await measureEnvoy(engine);
}
