export { createClusterRegistry } from "./registry.ts";
export type { Cluster, ClusterRegistry } from "./registry.ts";
export type { Watch } from "./watch.ts";
