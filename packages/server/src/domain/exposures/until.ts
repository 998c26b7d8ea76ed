import type { Clock } from "@berth/base";
import { until } from "@berth/kube";
import type { CacheChange, Informer, KubeObject } from "@berth/kube";

import type { ExposureCache } from "./cache.ts";
import type { ExposureObject } from "./resource.ts";

/** How long the cache is waited for after a write, in milliseconds. */
const KNOWN = 500;

/**
 * Waits a moment until the cache knows what was just written of an exposure, or
 * that it is gone: the next look at it, which its own changes ask for, is not to
 * do it all again.
 */
export async function untilKnown(
  { cache, clock }: { readonly cache: ExposureCache; readonly clock: Clock },
  { metadata }: KubeObject,
  isKnown: (now: ExposureObject) => boolean,
): Promise<void> {
  const key = `${metadata.namespace}/${metadata.name}`;
  const look = () => {
    const now = cache.exposures.get(key);
    return now === undefined || now.metadata.uid !== metadata.uid || isKnown(now);
  };
  await until(cache.exposures, clock, look, KNOWN);
}

/** Changes of a cache as they come; of a key that changes while nobody reads, the newest alone. Ends with the signal. */
export async function* changesOf<T>(
  informer: Pick<Informer<T>, "onChange">,
  signal: AbortSignal,
): AsyncGenerator<CacheChange<T>> {
  const waiting = new Map<string, CacheChange<T>>();
  let wake: (() => void) | undefined;
  const end = informer.onChange((change) => {
    waiting.set(change.key, merge(waiting.get(change.key), change));
    wake?.();
  });
  const onAbort = () => wake?.();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    while (!signal.aborted) {
      const [next] = waiting;
      if (next === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      waiting.delete(next[0]);
      yield next[1];
    }
  } finally {
    end();
    signal.removeEventListener("abort", onAbort);
  }
}

/** What two changes of a key that nobody has heard of yet are together. */
function merge<T>(before: CacheChange<T> | undefined, change: CacheChange<T>): CacheChange<T> {
  if (before?.type !== "added" || change.type !== "modified") return change;
  return { type: "added", key: change.key, object: change.object };
}
