import type { Clock } from "@berth/base";
import type { CacheChange, Informer } from "@berth/kube";

/** Waits until a cache says what is waited for, at most so many milliseconds; whether it does. */
export async function until<T>(
  informer: Pick<Informer<T>, "onChange">,
  clock: Clock,
  isSo: () => boolean,
  timeoutMs: number,
): Promise<boolean> {
  if (isSo()) return true;
  const done = new AbortController();
  const end = informer.onChange(() => void (isSo() && done.abort()));
  await clock.sleep(timeoutMs, done.signal).catch(() => undefined);
  end();
  return isSo();
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
