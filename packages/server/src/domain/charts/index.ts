export { unknownSource } from "./resolve.ts";
export type { ChartOrigin, ChartPolicy, NamedRepository, ResolvedChart } from "./resolve.ts";
export { createChartResolver } from "./resolver.ts";
export type { ChartResolver, SourceLookup } from "./resolver.ts";
export { checkUpload } from "./upload.ts";
export type {
  ChartEntry,
  ChartQuery,
  ChartQuestion,
  ChartReader,
  ChartVersion,
  FoundCharts,
  Page,
  PageRange,
  ShownChart,
} from "./types.ts";
