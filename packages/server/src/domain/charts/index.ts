export { resolveChart } from "./resolve.ts";
export type { ChartPolicy, ChartSource, NamedRepository, ResolvedChart } from "./resolve.ts";
export { checkUpload } from "./upload.ts";
export type { ChartEntry, ChartQuery, ChartReader, ChartVersion, FoundCharts, Page, PageRange, ShownChart } from "./types.ts";
