import { BerthError } from "@berth/base";
import type { Clock } from "@berth/base";

import { startDeadline } from "../deadline.ts";
import { startHeartbeat } from "../pulse.ts";
import { openWatch } from "./source.ts";
import type { Source, WatchEvent } from "./source.ts";

/** A watch is renewed after 5 to 10 minutes, so that many do not end at once. */
const WATCH_SECONDS = 300;
const SILENCE = 150_000;
/** Milliseconds of silence after which the API server is asked whether it answers at all. */
const PULSE = 10_000;

/** How a watch is followed. */
export interface FollowOptions extends Source {
  readonly silenceMs?: number | undefined;
  readonly pulseMs?: number | undefined;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Who hears of a watch. */
export interface WatchListener {
  /** The API server has accepted it. */
  opened(): void;
  event(event: WatchEvent): void;
}

/**
 * Follows changes after a resourceVersion until the API server ends the watch.
 * Rejects where it breaks, is silent for too long, or silent while the API server
 * answers nothing else, and where that has forgotten the resourceVersion (410).
 */
export async function follow(
  options: FollowOptions,
  resourceVersion: string,
  listener: WatchListener,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, silenceMs = SILENCE, pulseMs = PULSE } = options;
  const silent = () => new BerthError("CLUSTER_UNREACHABLE", "The watch was silent for too long.");
  using silence = startDeadline(clock, silenceMs, signal, silent);
  const timeoutSeconds = String(Math.round(WATCH_SECONDS * (1 + random())));
  using heartbeat = startHeartbeat({ pulse: () => options.client.pulse(), clock, everyMs: pulseMs }, silence.signal);
  const events = await openWatch(options, { resourceVersion, timeoutSeconds }, heartbeat.signal);
  listener.opened();
  for await (const event of events) {
    silence.extend();
    heartbeat.heard();
    listener.event(event);
  }
}
