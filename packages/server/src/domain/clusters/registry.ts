import { BerthError } from "@berth/base";
import type { ClusterConnection, KubeClient } from "@berth/kube";

/** A cluster that Berth acts on. */
export interface Cluster {
  /** Name in paths; an RFC 1123 label. */
  readonly name: string;
  readonly connection: ClusterConnection;
  readonly client: KubeClient;
}

/** The clusters there are. */
export interface ClusterRegistry {
  /** CLUSTER_NOT_FOUND where there is none of that name. */
  get(name: string): Cluster;
  list(): readonly Cluster[];
}

/** A registry of clusters known at start. */
export function createClusterRegistry(clusters: readonly Cluster[]): ClusterRegistry {
  const byName = new Map(clusters.map((cluster) => [cluster.name, cluster]));
  return {
    list: () => clusters,
    get(name) {
      const cluster = byName.get(name);
      if (cluster !== undefined) return cluster;
      throw new BerthError("CLUSTER_NOT_FOUND", `There is no cluster "${name}".`, {
        field: "cluster",
        hint: `Known clusters: ${[...byName.keys()].join(", ")}.`,
      });
    },
  };
}
