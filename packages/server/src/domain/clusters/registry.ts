import { BerthError } from "@berth/base";
import type { ClusterConnection, KubeClient } from "@berth/kube";

/** The cluster of a list that means all of them. */
export const ALL_CLUSTERS = "-";

/** A cluster that Berth acts on. */
export interface Cluster {
  /** Name in paths; an RFC 1123 label. */
  readonly name: string;
  readonly connection: ClusterConnection;
  readonly client: KubeClient;
  /** The only namespaces that are looked at; empty: all. */
  readonly watchNamespaces: readonly string[];
}

/** The clusters there are, by now: they come and go. */
export interface ClusterRegistry {
  /** CLUSTER_NOT_FOUND where there is none of that name; CLUSTER_UNREACHABLE where it cannot be connected to. */
  get(name: string): Cluster;
  /** All that there are, also those that cannot be connected to. */
  names(): readonly string[];
  /** Where Berth keeps what is its own. */
  readonly home: Cluster;
  /** Takes a cluster in, in place of one of its name. */
  put(cluster: Cluster): void;
  /** Keeps a name for which there is no connection, and why. */
  fail(name: string, reason: string): void;
  remove(name: string): void;
}

/** A registry that has its home alone. */
export function createClusterRegistry(home: Cluster): ClusterRegistry {
  const others = new Map<string, Cluster>();
  const failed = new Map<string, string>();
  const names = () => [home.name, ...new Set([...others.keys(), ...failed.keys()])];
  return {
    home,
    names,
    put(cluster) {
      failed.delete(cluster.name);
      others.set(cluster.name, cluster);
    },
    fail(name, reason) {
      others.delete(name);
      failed.set(name, reason);
    },
    remove(name) {
      failed.delete(name);
      others.delete(name);
    },
    get(name) {
      const cluster = name === home.name ? home : others.get(name);
      if (cluster !== undefined) return cluster;
      const reason = failed.get(name);
      if (reason !== undefined) {
        throw new BerthError("CLUSTER_UNREACHABLE", `Cluster "${name}" cannot be connected to: ${reason}`, {
          field: "cluster",
        });
      }
      throw new BerthError("CLUSTER_NOT_FOUND", `There is no cluster "${name}".`, {
        field: "cluster",
        hint: `Known clusters: ${names().slice(0, 20).join(", ")}.`,
      });
    },
  };
}
