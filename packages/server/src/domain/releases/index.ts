export type {
  ChartName,
  Hook,
  Json,
  ListQuery,
  LiveRelease,
  ObjectChange,
  ObjectStatus,
  Release,
  ReleasePage,
  ReleaseView,
  RevisionContent,
  RevisionDiff,
} from "./types.ts";
