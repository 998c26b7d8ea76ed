import { backoff, boundText } from "@berth/base";

import { isGone, retryAfterMs } from "../errors.ts";
import { exceededLimit } from "./cache.ts";
import type { Cache } from "./cache.ts";
import { follow } from "./follow.ts";
import type { InformerOptions, InformerState } from "./types.ts";

/** Short, so that a cluster that is back is followed within seconds; a refused connection costs nobody much. */
const RETRY = { initial: 200, max: 3_000 };
/** However long the API server asks to wait, so soon it is asked again, in milliseconds. */
const LONGEST_WAIT = 30_000;
/** Where there is too much, lists take at most this part of the time, and come at least so often, in milliseconds. */
const FULL = { share: 10, min: 2_000, max: 300_000 };
/** A watch that lived so long, in milliseconds, was a good one: the next failure is a first one. */
const GOOD = 5_000;

/** What the loop works on. */
export interface Parts<T> {
  readonly options: InformerOptions<T> & { readonly random: () => number };
  readonly cache: Cache;
  /** How far the cache is; empty before the first list. */
  position(): string;
  enter(state: InformerState): void;
  onSynced(): void;
}

/** Lists, follows, recovers, until the signal is aborted; never rejects. */
export async function runInformer<T>(parts: Parts<T>, signal: AbortSignal): Promise<void> {
  const { options, cache, enter } = parts;
  const { clock, log, resource, random } = options;
  let mustList = true;
  let attempt = 0;
  let since: number | undefined;
  const recovered = () => {
    if (since !== undefined) {
      log.info({ resource: resource.plural, lostMs: clock.now() - since }, "a watch is taken up again");
      since = undefined;
    }
    enter({ name: "synced" });
  };
  /** Milliseconds that the last list took, or has taken until it failed. */
  let listed = 0;
  const list = async () => {
    const start = clock.monotonic();
    await cache.refresh(signal, true).finally(() => (listed = clock.monotonic() - start));
    mustList = false;
    parts.onSynced();
  };
  const watch = async () => {
    let opened: number | undefined;
    let isGood = false;
    const listener = {
      opened: () => {
        opened = clock.monotonic();
        recovered();
      },
      event: (event: Parameters<Cache["take"]>[0]) => {
        cache.take(event);
        isGood = true;
      },
    };
    try {
      await follow(options, parts.position(), listener, signal);
    } finally {
      isGood ||= opened !== undefined && clock.monotonic() - opened > GOOD;
      if (isGood) attempt = 0;
    }
    // One that ends at once again and again must not become a storm.
    if (!isGood) await clock.sleep(backoff(attempt++, RETRY, random), signal);
  };

  enter({ name: "starting" });
  while (!signal.aborted) {
    try {
      if (mustList) await list();
      await watch();
    } catch (error) {
      if (signal.aborted) break;
      since ??= clock.now();
      const failure = judge(error, since, { backoffMs: backoff(attempt, RETRY, random), listedMs: listed });
      mustList ||= failure.mustList;
      enter(failure.state);
      log.warn({ resource: resource.plural, attempt: attempt++, error }, "a watch broke; it is taken up again");
      await clock.sleep(failure.waitMs, signal).catch(() => undefined);
    }
  }
  enter({ name: "stopped" });
}

/** What a failure means: the state, whether only a list helps, and how long to wait in milliseconds. */
function judge(
  error: unknown,
  since: number,
  { backoffMs, listedMs }: { readonly backoffMs: number; readonly listedMs: number },
): { readonly state: InformerState; readonly mustList: boolean; readonly waitMs: number } {
  const told = { since, error: describe(error) };
  const limit = exceededLimit(error);
  if (limit !== undefined) {
    // What the watch has not taken in can be had by a list alone.
    const waitMs = Math.min(Math.max(listedMs * (FULL.share - 1), FULL.min), FULL.max);
    return { state: { name: "full", ...told, limit }, mustList: true, waitMs };
  }
  const waitMs = Math.max(backoffMs, Math.min(retryAfterMs(error), LONGEST_WAIT));
  return { state: { name: "reconnecting", ...told }, mustList: isGone(error), waitMs };
}

function describe(error: unknown): string {
  return boundText(error instanceof Error ? error.message : "unknown", 500);
}
