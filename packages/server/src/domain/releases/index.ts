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
export { UNNARROWED } from "./filter.ts";
export { bindToPlan } from "./plan-token.ts";
export { compareValues } from "./compare-values.ts";
export { createNewestReader } from "./newest.ts";
export { createOutdatedLister } from "./outdated.ts";
export { createReleaseView } from "./view.ts";
export { createReleaseCaches } from "./caches.ts";
export type { ReleaseCaches } from "./caches.ts";
export type { ReleaseIndex } from "./release-index.ts";
export { createStuckJudge } from "./stuck.ts";
export type { StuckJudge } from "./stuck.ts";
export type { ListQuery, ReleaseFilter, ReleaseNews, ReleasePage, StaleCluster } from "./list-types.ts";
export type {
  ChartName,
  CheckedObject,
  CheckedRelease,
  Hook,
  Json,
  LiveRelease,
  ObjectChange,
  ObjectStatus,
  OutdatedLister,
  Plan,
  PlannedHook,
  PlannedObject,
  Release,
  ReleasePlanner,
  ReleaseReader,
  ReleaseView,
  Rendered,
  RevisionContent,
  RevisionDiff,
  ValueFinding,
} from "./types.ts";
