import { createClusterController } from "./controllers/clusters.ts";
import type { ClusterControllerParts } from "./controllers/clusters.ts";
import {
  createClusterCache,
  createClusterSubmit,
  createClusterView,
  toDeclared,
} from "./domain/declared-clusters/index.ts";
import type { ClusterView } from "./domain/declared-clusters/index.ts";

/** The clusters that are declared in the home cluster: their gate, their view, and who connects to them. */
export function composeClusters(
  parts: Omit<ClusterControllerParts, "cache"> &
    Pick<Parameters<typeof createClusterSubmit>[0], "access" | "audit"> &
    Pick<Parameters<typeof createClusterView>[0], "releasesOf">,
) {
  const { registry, log, clock } = parts;
  const cache = createClusterCache(registry.home, log, clock);
  const all = { ...parts, cache };
  const controller = createClusterController(all);
  const shown = {
    ...all,
    factsOf: (name: string) => controller.factsOf(name),
    names: () => controller.names(),
  };
  const gate = createClusterSubmit(all);
  const view: ClusterView = createClusterView(shown);
  return {
    view,
    submit: async (...wish: Parameters<typeof gate.write>) => toDeclared(shown, await gate.write(...wish)),
    async bootstrap(...wish: Parameters<typeof gate.bootstrap>) {
      const { manifest, cluster } = await gate.bootstrap(...wish);
      return { manifest, cluster: cluster === undefined ? undefined : toDeclared(shown, cluster) };
    },
    /** Whether each cluster answered when it was last asked. */
    states: () =>
      controller.names().map((cluster) => ({ cluster, isUp: controller.factsOf(cluster).state === "ready" })),
    watches: () => cache.watches(),
    start() {
      cache.start();
      controller.start();
    },
    async stop() {
      await controller.stop();
      await cache.stop();
    },
  };
}
