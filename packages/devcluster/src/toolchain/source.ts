import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import type { Progress } from "../progress.ts";
import { SetupError } from "../setup-error.ts";
import { downloadPrograms, isReachable } from "./official.ts";
import type { Program } from "./versions.ts";

/** Where programs come from: built, fetched, or fetched where that is possible. */
export type Source = "auto" | "build" | "download";

/** Reads `BERTH_TOOLCHAIN`. */
export function readSource(value: string = process.env.BERTH_TOOLCHAIN ?? "auto"): Source {
  if (value === "auto" || value === "build" || value === "download") return value;
  throw new SetupError(`BERTH_TOOLCHAIN is "${value}".`, "Set it to build, download or auto, or leave it out.");
}

/** Fetches into an empty directory what may be fetched, and gives its names: none where all is to be built. */
export async function fetchPrograms(
  source: Source,
  baseUrl: string,
  directory: string,
  progress: Progress,
): Promise<Program[]> {
  if (source === "build" || (source === "auto" && !(await isReachable(baseUrl)))) return [];
  try {
    return await downloadPrograms(baseUrl, directory, progress);
  } catch (error) {
    if (source === "download") throw error;
    progress.say(`${(error as Error).message}\n  Building from source instead.`);
    for (const name of await readdir(directory)) await rm(join(directory, name));
    return [];
  }
}
