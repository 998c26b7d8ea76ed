import type { Informer } from "@berth/kube";

/** Whether what is known of a cluster is up to date, and if not, why and since when. */
export interface Freshness {
  readonly isCurrent: boolean;
  readonly reason: string;
  /** Wall clock, milliseconds: what is known was true then. Undefined where it is current, or nothing is known. */
  readonly knownAt: number | undefined;
}

/** A cluster of which nothing new is known. */
export interface StaleCluster {
  readonly cluster: string;
  readonly reason: string;
  /** What is listed of it was true then; undefined where nothing is. */
  readonly knownAt: Date | undefined;
}

/** How fresh is what watches know together; `what` names it where it is not known yet. */
export function freshnessOf(
  informers: readonly Pick<Informer<never>, "state" | "hasSynced">[],
  what: string,
): Freshness {
  const isKnown = informers.every((informer) => informer.hasSynced());
  const behind = informers.map((informer) => informer.state()).filter(({ name }) => name !== "synced");
  if (behind.length === 0) return { isCurrent: true, reason: "", knownAt: undefined };
  const lost = behind.filter((state) => "since" in state);
  return {
    isCurrent: false,
    reason: lost[0]?.error ?? `Its ${what} are not known yet.`,
    knownAt: isKnown && lost.length > 0 ? Math.min(...lost.map(({ since }) => since)) : undefined,
  };
}

/** A cluster as a list names it that is not up to date; none where it is. */
export function staleCluster(cluster: string, { isCurrent, reason, knownAt }: Freshness): StaleCluster[] {
  return isCurrent ? [] : [{ cluster, reason, knownAt: knownAt === undefined ? undefined : new Date(knownAt) }];
}
