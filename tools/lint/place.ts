import { posix } from "node:path";

import { FREE_FOLDERS } from "./layers.ts";

/** Where a source file stands. Paths are relative to the root, with `/`. */
export interface Place {
  readonly path: string;
  /** Name of the package's folder; empty outside `packages/`. */
  readonly package: string;
  /** Path inside the package's `src/`; empty outside one. */
  readonly inner: string;
  /** A test, a benchmark, a tool: not shipped, so free of the layers. */
  readonly isFree: boolean;
}

/** Says where a file stands. */
export function placeOf(path: string): Place {
  const [top = "", name = "", src = "", ...rest] = path.split("/");
  if (top !== "packages") return { path, package: "", inner: "", isFree: FREE_FOLDERS.includes(top) };
  const isTest = src === "test" || path.endsWith(".test.ts");
  return { path, package: name, inner: src === "src" ? rest.join("/") : "", isFree: isTest };
}

/** First segment of a path: the folder or file at the top. */
export function top(path: string): string {
  return path.split("/")[0] ?? "";
}

/** Resolves a relative import to a path relative to the root. */
export function resolveImport(from: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(from), specifier));
}

/** Folders that hold `path`, outermost first. */
export function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
