export { resolveChart } from "./resolve.ts";
export type { ChartPolicy, NamedRepository, ResolvedChart } from "./resolve.ts";
