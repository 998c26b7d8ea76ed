import { measureCharts } from "./charts.ts";
import { measureEdge } from "./edge.ts";
import { measureExposures } from "./expose.ts";
import { measureOperations } from "./operations.ts";
import { measureReads } from "./read.ts";
import { measureStarts } from "./start.ts";
import { measureWrites } from "./write.ts";

const benches: Readonly<Record<string, () => Promise<void>>> = {
  write: measureWrites,
  charts: measureCharts,
  operations: measureOperations,
  expose: measureExposures,
  read: measureReads,
  start: measureStarts,
  edge: measureEdge,
};

const name = process.argv[2] ?? "";
const bench = benches[name];
if (bench === undefined) {
  console.error(`There is no bench "${name}".\n  Use: npm run bench -- ${Object.keys(benches).join(" | ")}`);
  process.exitCode = 1;
} else {
  await bench();
}
