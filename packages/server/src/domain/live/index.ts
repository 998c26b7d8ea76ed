export { createLiveView } from "./view.ts";
export { createWatchPool } from "./watch-pool.ts";
export type { WatchPool } from "./watch-pool.ts";
export type { LiveNews, LiveView, LogLine, LogNews, ReleaseEvent, TreeNode } from "./types.ts";
