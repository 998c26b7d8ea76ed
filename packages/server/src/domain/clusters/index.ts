export { createClusterRegistry } from "./registry.ts";
export type { Cluster, ClusterRegistry } from "./registry.ts";
export { ALL_CLUSTERS } from "./registry.ts";
export { freshnessOf, staleCluster } from "./freshness.ts";
export type { Freshness, StaleCluster } from "./freshness.ts";
export type { Watch } from "./watch.ts";
