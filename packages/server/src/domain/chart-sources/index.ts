export { createSourceCache } from "./cache.ts";
export type { SourceCache } from "./cache.ts";
export { createSourceLookup } from "./lookup.ts";
export { API_VERSION, KIND, REFRESH, chartSources, intervalOf } from "./resource.ts";
export type { SourceObject, StoredSpec, StoredStatus } from "./resource.ts";
export { readCredentials } from "./secret.ts";
export type { ReadCredentials } from "./secret.ts";
export { isSame, nextStatus } from "./status.ts";
export type { Finding, Inputs } from "./status.ts";
export { createSourceSubmit } from "./submit.ts";
export type { SourceSubmit } from "./submit.ts";
export { createSourceView } from "./view.ts";
export type {
  ChartSource,
  CreateSource,
  DeleteSource,
  SourceCommand,
  SourceCredentials,
  SourceSettings,
  SourceState,
  SourceView,
  UpdateSource,
} from "./types.ts";
