import { readFile } from "node:fs/promises";
import { join } from "node:path";

import ts from "typescript";

import { resolveImport } from "../lint/place.ts";
import { outcomeOf } from "./check.ts";
import type { Check } from "./check.ts";
import { filesUnder } from "./files.ts";

/** Who imports whom: each file with the files it imports. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** No file imports itself over others, not even for a type. */
export const cycles: Check = {
  name: "cycles",
  async run(root) {
    const found = findCycles(await readGraph(root));
    return outcomeOf(found.map((cycle) => `cycle: ${[...cycle, cycle[0]].join(" → ")}`));
  },
};

/** The cycles of a graph, each once, beginning with the file that was met first. */
export function findCycles(graph: ImportGraph): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string) => {
    if (done.has(file)) return;
    const start = path.indexOf(file);
    if (start !== -1) {
      found.push(path.slice(start));
      return;
    }
    path.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return found;
}

async function readGraph(root: string): Promise<ImportGraph> {
  const folders = await Promise.all(
    ["packages", "tools", "bench", "test"].map((name) => filesUnder(root, name, ".ts")),
  );
  const entries = folders.flat().map(async (file) => {
    const { importedFiles } = ts.preProcessFile(await readFile(join(root, file), "utf8"), true, true);
    const relatives = importedFiles.map((found) => found.fileName).filter((name) => name.startsWith("."));
    return [file, relatives.map((name) => resolveImport(file, name))] as const;
  });
  return new Map(await Promise.all(entries));
}
