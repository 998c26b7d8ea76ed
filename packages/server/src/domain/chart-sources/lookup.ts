import { getObject } from "@berth/kube";

import type { NamedRepository, SourceLookup } from "../charts/index.ts";
import type { Cluster } from "../clusters/index.ts";
import type { SourceCache } from "./cache.ts";
import { chartSources } from "./resource.ts";
import type { SourceObject, StoredSpec } from "./resource.ts";
import { readCredentials } from "./secret.ts";
import type { SourceCredentials } from "./types.ts";

/**
 * Finds sources for charts that name them. Source and Secret are read when they
 * are used: what a caller has just written counts, on whichever replica.
 */
export function createSourceLookup(home: Cluster, cache: SourceCache): SourceLookup {
  return {
    cluster: home.name,
    async find(namespace, name, { signal } = {}) {
      const reference = { resource: chartSources, namespace, name };
      const source = await getObject<SourceObject>(home.client, reference, { signal });
      if (source === undefined) return undefined;
      const { secretRef } = source.spec;
      const { credentials } = await readCredentials(home.client, namespace, secretRef?.name, { signal });
      return toRepository(source.spec, credentials);
    },
    list: (namespace) =>
      cache.inNamespace(namespace).map(({ metadata, spec }) => ({ name: metadata.name, url: spec.url })),
  };
}

/** A source with its credentials, as charts are resolved by it. */
export function toRepository(spec: StoredSpec, credentials: SourceCredentials): NamedRepository {
  const { url, insecureSkipTlsVerify, passCredentials, plainHttp } = spec;
  return { url, ...credentials, insecureSkipTlsVerify, passCredentials, plainHttp };
}
