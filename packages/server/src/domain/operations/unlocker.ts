import { randomUUID } from "node:crypto";

import type { Clock, Logger } from "@berth/base";

import { berthPrincipal } from "../access/index.ts";
import type { ReleaseTarget } from "../command.ts";
import type { Submit } from "./types.ts";

/** Between two looks at what is stuck, in milliseconds; with as much again by chance. */
const EVERY = 5000;
/** How often an unlocking is tried again whose cluster does not answer. */
const RETRIES = 5;

/** A release that is stuck. */
export interface StuckRelease {
  readonly target: ReleaseTarget;
  readonly revision: number;
  readonly since: Date;
}

/** What the unlocker is made of. */
export interface UnlockerParts {
  readonly submit: Submit;
  /** Every release that is stuck. Throws while that is not known. */
  readonly stuck: () => readonly StuckRelease[];
  /** How long one has to be stuck, and seen so, in milliseconds; never unlocked where undefined. */
  readonly afterMs: number | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Unlocks what is stuck for long, where the configuration wants that: by the gate
 * as everybody. Any number may run: for one state of one release there is one
 * operation.
 */
export function createUnlocker(parts: UnlockerParts): { start(): void; stop(): Promise<void> } {
  const { afterMs, clock, log } = parts;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const run = async (after: number) => {
    let seen: ReadonlyMap<string, number> = new Map();
    for (;;) {
      await clock.sleep(EVERY * (1 + Math.random()), stopping.signal);
      try {
        const found = parts.stuck();
        seen = seenSince(seen, found, clock.monotonic());
        for (const one of found) {
          const isLong = clock.monotonic() - (seen.get(keyOf(one)) ?? Infinity) >= after;
          if (isLong) await unlock(parts, one, after);
        }
      } catch (error) {
        log.warn({ error }, "what is stuck is not unlocked yet");
      }
    }
  };
  return {
    start() {
      if (afterMs !== undefined) running ??= run(afterMs).catch(() => undefined);
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/**
 * Since when, by the monotonic clock, this process has seen each state of a
 * release that is stuck: the times in records are by another machine's clock.
 */
function seenSince(
  before: ReadonlyMap<string, number>,
  found: readonly StuckRelease[],
  now: number,
): ReadonlyMap<string, number> {
  return new Map(found.map(keyOf).map((key) => [key, before.get(key) ?? now]));
}

/** The key of one state of one release. */
function keyOf({ target: { cluster, namespace, name }, revision, since }: StuckRelease): string {
  return `${cluster}/${namespace}/${name}/${String(revision)}/${since.toISOString()}`;
}

async function unlock({ submit, clock, log }: UnlockerParts, found: StuckRelease, afterMs: number): Promise<void> {
  const { target, revision, since } = found;
  if (clock.now() - since.getTime() < afterMs) return;
  const idempotencyKey = `unlock/${keyOf(found)}`;
  const context = { requestId: randomUUID(), traceparent: "" };
  const options = { idempotencyKey, policy: { retries: RETRIES } };
  try {
    await submit(berthPrincipal, { verb: "unlock", target, expectedRevision: revision }, context, options);
  } catch (error) {
    log.info({ ...target, error }, "a stuck release is not unlocked yet");
  }
}
