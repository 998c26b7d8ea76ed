import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";

/** Folders that hold nothing of ours. */
const SKIPPED = ["node_modules", "gen", ".git"];

/**
 * Files under `folder` whose name ends with `end`, relative to `root` with `/`,
 * sorted. Generated code is left out; a folder that does not exist has no files.
 */
export async function filesUnder(root: string, folder: string, end: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  });
  const nested = entries.map(async (entry) => {
    const path = relative(root, join(root, folder, entry.name))
      .split(sep)
      .join("/");
    if (entry.isDirectory()) return SKIPPED.includes(entry.name) ? [] : filesUnder(root, path, end);
    return entry.isFile() && entry.name.endsWith(end) ? [path] : [];
  });
  return (await Promise.all(nested)).flat().sort();
}
