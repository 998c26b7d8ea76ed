import { asBerthError } from "@berth/base";
import { collectionPath, metadataOnly } from "@berth/kube";

import type { Cluster } from "../clusters/index.ts";
import type { ReleaseTarget } from "../command.ts";
import type { ReleaseIndex } from "./release-index.ts";
import type { StorageKind } from "./stored-revision.ts";

/** Where a release is stored; undefined where it is not, and would be stored as Helm does it by default. */
export type StorageFinder = (target: ReleaseTarget) => Promise<StorageKind | undefined>;

/**
 * Where a release of a cluster is stored: by the watch, or by the API server
 * where no watch sees it now (after a start, outside the namespaces that are
 * watched). Whoever guessed would install once more what is in ConfigMaps.
 */
export async function findStorage(
  cluster: Cluster,
  index: ReleaseIndex,
  { namespace, name }: ReleaseTarget,
): Promise<StorageKind | undefined> {
  const known = index.storageOf(namespace, name);
  if (known !== undefined || index.sees(namespace)) return known;
  try {
    const { items } = await cluster.client.request<{ readonly items: readonly unknown[] | null }>({
      path: collectionPath({ group: "", version: "v1", plural: "configmaps" }, namespace),
      query: { labelSelector: `owner=helm,name=${name}`, limit: "1" },
      accept: metadataOnly("PartialObjectMetadataList"),
    });
    return items === null || items.length === 0 ? undefined : "configmaps";
  } catch (error) {
    // Berth keeps nothing in what it may not read.
    if (asBerthError(error).code === "FORBIDDEN") return undefined;
    throw error;
  }
}
