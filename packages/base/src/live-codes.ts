import type { CodeEntry } from "./error-kinds.ts";

/** The codes of what runs of a release; part of the closed list. */
export const LIVE_CODES = {
  POD_NOT_FOUND: {
    kind: "not_found",
    title: "The release has no pod of this name",
    hint: "Read the release's tree: pods come and go.",
  },
  LOG_NOT_AVAILABLE: {
    kind: "unprocessable",
    title: "The container has no such log",
    hint: "Wait until it has started; the log of a run before is there only where there was one.",
  },
} as const satisfies Record<string, CodeEntry>;
