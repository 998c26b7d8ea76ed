export type {
  Action,
  ActionOutcome,
  ActionPhase,
  ActionResult,
  ActionRun,
  Actions,
  Holder,
  ProgressEvent,
  RequestContext,
} from "./action.ts";
export { bindToPlan } from "./plan-token.ts";
export { compareValues } from "./compare-values.ts";
export { createOutdatedLister } from "./outdated.ts";
export { createReleaseView } from "./view.ts";
export { createReleaseIndex } from "./release-index.ts";
export type { ReleaseIndex } from "./release-index.ts";
export { createStuckJudge } from "./stuck.ts";
export type { StuckJudge } from "./stuck.ts";
export { createSummaries } from "./summaries.ts";
export type { Summaries } from "./summaries.ts";
export type {
  ChartName,
  CheckedObject,
  CheckedRelease,
  Hook,
  Json,
  ListQuery,
  LiveRelease,
  ObjectChange,
  ObjectStatus,
  OutdatedLister,
  Plan,
  PlannedHook,
  PlannedObject,
  Release,
  ReleasePage,
  ReleasePlanner,
  ReleaseReader,
  ReleaseView,
  Rendered,
  RevisionContent,
  RevisionDiff,
  ValueFinding,
} from "./types.ts";
