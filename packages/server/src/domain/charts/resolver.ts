import type { Access, Principal } from "../access/index.ts";
import type { AskOptions, ChartReference } from "../command.ts";
import { resolveChart, sourceNameOf } from "./resolve.ts";
import type { ChartPolicy, NamedRepository, ResolvedChart } from "./resolve.ts";

/** The ChartSources of namespaces, in the cluster that Berth lives in. */
export interface SourceLookup {
  /** Name of that cluster. */
  readonly cluster: string;
  /** A source with its credentials as they are now; undefined where the namespace has none of that name. */
  find(namespace: string, name: string, options?: AskOptions): Promise<NamedRepository | undefined>;
  /** The sources of a namespace, as far as they are known. */
  list(namespace: string): readonly { readonly name: string; readonly url: string }[];
}

/**
 * Resolves a reference for a principal. ChartSources are looked for in the
 * namespace that the chart is for, and in no other; an empty one has none.
 */
export type ChartResolver = (
  principal: Principal,
  namespace: string,
  reference: ChartReference,
  options?: AskOptions,
) => Promise<ResolvedChart>;

/** Makes the resolver. Whoever may not read a ChartSource may not use it by its name either. */
export function createChartResolver(parts: {
  readonly access: Access;
  readonly policy: ChartPolicy;
  readonly sources: SourceLookup;
}): ChartResolver {
  const { access, policy, sources } = parts;
  return async (principal, namespace, reference, options) => {
    const name = sourceNameOf(reference);
    if (name === undefined || namespace === "") return resolveChart(reference, policy);
    const found = await sources.find(namespace, name, options);
    if (found !== undefined) {
      const { cluster } = sources;
      await access.check(principal, { verb: "get", resource: "chartsources", cluster, namespace, name });
    }
    return resolveChart(reference, policy, found);
  };
}
