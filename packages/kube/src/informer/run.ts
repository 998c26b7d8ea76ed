import { backoff, boundText } from "@berth/base";

import { isGone, retryAfterMs } from "../errors.ts";
import type { Cache } from "./cache.ts";
import { follow } from "./follow.ts";
import type { InformerOptions, InformerState } from "./types.ts";

/** Short, so that a cluster that is back is followed within seconds; a refused connection costs nobody much. */
const RETRY = { initial: 200, max: 3_000 };
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
  const list = async () => {
    await cache.refresh(signal, true);
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
      if (isGone(error)) mustList = true;
      since ??= clock.now();
      enter({ name: "reconnecting", since, error: describe(error) });
      log.warn({ resource: resource.plural, attempt, error }, "a watch broke; it is taken up again");
      const wait = Math.max(backoff(attempt++, RETRY, random), retryAfterMs(error));
      await clock.sleep(wait, signal).catch(() => undefined);
    }
  }
  enter({ name: "stopped" });
}

function describe(error: unknown): string {
  return boundText(error instanceof Error ? error.message : "unknown", 500);
}
