export { createLive } from "./live.ts";
export type { Live } from "./live.ts";
export type { LiveNews, LiveView, LogLine, LogNews, ReleaseEvent, TreeNode } from "./types.ts";
