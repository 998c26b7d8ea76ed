import type { Clock } from "@berth/base";

import type { Informer } from "./types.ts";

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
