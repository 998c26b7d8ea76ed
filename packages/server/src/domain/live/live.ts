import type { Logger } from "@berth/base";

import type { LiveView } from "./types.ts";
import { createLiveView } from "./view.ts";
import type { SessionParts } from "./session.ts";
import { createWatchPool } from "./watch-pool.ts";

/** What runs of releases: its view, and the watches behind it. */
export interface Live {
  readonly view: LiveView;
  /** How many watches are open. */
  watches(): number;
  stop(): Promise<void>;
}

/** Watches nothing until somebody looks. */
export function createLive(parts: Omit<SessionParts, "pool"> & { readonly log: Logger }): Live {
  const pool = createWatchPool(parts.log, parts.clock);
  return { view: createLiveView({ ...parts, pool }), watches: () => pool.size(), stop: () => pool.stop() };
}
