import { getObject } from "@berth/kube";

import type { Access } from "../access/index.ts";
import type { ClusterRegistry } from "../clusters/index.ts";
import type { ClusterCache } from "./cache.ts";
import { declaredClusters, fromObject } from "./resource.ts";
import type { ClusterObject } from "./resource.ts";
import { unknownCluster } from "./submit.ts";
import type { ClusterFacts, ClusterView, DeclaredCluster } from "./types.ts";

/** What the view is made of. */
export interface ClusterViewParts {
  readonly access: Access;
  readonly registry: ClusterRegistry;
  readonly cache: ClusterCache;
  /** How this replica sees a cluster. */
  readonly factsOf: (name: string) => ClusterFacts;
  /** Clusters of which there are facts. */
  readonly names: () => readonly string[];
  /** Releases known of a cluster. */
  readonly releasesOf: (name: string) => number;
}

/** Makes the view. */
export function createClusterView(parts: ClusterViewParts): ClusterView {
  const { access, registry, cache } = parts;
  const show = (object: ClusterObject) => toDeclared(parts, object);
  const may = (principal: Parameters<Access["check"]>[0], verb: string, name: string) =>
    access.check(principal, { verb, resource: "clusters", cluster: name, namespace: "", name });
  return {
    async get(principal, name) {
      await may(principal, "get", name);
      if (name === registry.home.name) return homeOf(parts);
      const reference = { resource: declaredClusters, name };
      const stored = await getObject<ClusterObject>(registry.home.client, reference);
      if (stored === undefined) throw unknownCluster(name);
      return show(stored);
    },
    async list(principal) {
      await may(principal, "list", "");
      const others = cache.list().map(show);
      return [homeOf(parts), ...others.sort((a, b) => (a.name < b.name ? -1 : 1))];
    },
  };
}

/** A cluster as it is stored, with what this replica knows of it. */
export function toDeclared(parts: SeenParts, object: ClusterObject): DeclaredCluster {
  return fromObject(object, seen(parts, object.metadata.name));
}

type SeenParts = Pick<ClusterViewParts, "factsOf" | "names" | "releasesOf">;

/** What this replica knows of a cluster. */
function seen({ factsOf, names, releasesOf }: SeenParts, name: string) {
  const facts = factsOf(name);
  const sameAs = names().filter((other) => other !== name && facts.uid !== "" && factsOf(other).uid === facts.uid);
  return { facts, sameAs: sameAs.sort(), releases: releasesOf(name) };
}

function homeOf(parts: ClusterViewParts): DeclaredCluster {
  const { name, connection, watchNamespaces } = parts.registry.home;
  const { server, proxyUrl = "", tlsServerName = "", insecureSkipTlsVerify = false } = connection;
  return {
    ...{ name, isHome: true, server, proxyUrl, tlsServerName, insecureSkipTlsVerify, watchNamespaces },
    ...{ context: "", inCluster: false, secretName: "", generation: 0, resourceVersion: "", createTime: undefined },
    ...seen(parts, name),
  };
}
