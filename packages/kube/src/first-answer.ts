import type { Clock } from "@berth/base";

/** Why a question is given up that another one was faster than. Made once: nobody reads its stack. */
const OVERTAKEN = new Error("Another try was faster.");

/**
 * Asks again each `everyMs` while nothing answers, and gives the first answer,
 * good or bad; the others are aborted. So a connection that hangs keeps nobody
 * waiting once others do not, and whoever answers slowly is waited for.
 */
export async function firstAnswer<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  { clock, everyMs }: { readonly clock: Clock; readonly everyMs: number },
  parent: AbortSignal,
): Promise<T> {
  const over = new AbortController();
  const tries = new Set<AbortController>();
  const first = Promise.withResolvers<T>();
  const begin = () => {
    const one = new AbortController();
    tries.add(one);
    ask(AbortSignal.any([parent, one.signal])).then((answer) => {
      if (over.signal.aborted) return;
      over.abort(OVERTAKEN);
      tries.delete(one);
      first.resolve(answer);
    }, first.reject);
  };
  const goOn = async () => {
    for (;;) {
      begin();
      await clock.sleep(everyMs, AbortSignal.any([parent, over.signal]));
    }
  };
  goOn().catch(() => undefined);
  try {
    return await first.promise;
  } finally {
    over.abort(OVERTAKEN);
    for (const one of tries) one.abort(OVERTAKEN);
  }
}
