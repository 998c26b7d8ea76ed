import type { Progress } from "../progress.ts";
import { SetupError } from "../setup-error.ts";
import { downloadRelease, keepReachable } from "./official.ts";
import type { Release } from "./releases.ts";

/** Where programs come from: built, fetched where checksums are published, or fetched where that also works. */
export type Source = "auto" | "build" | "download";

/** Reads `BERTH_TOOLCHAIN`. */
export function readSource(value: string = process.env.BERTH_TOOLCHAIN ?? "auto"): Source {
  if (value === "auto" || value === "build" || value === "download") return value;
  throw new SetupError(`BERTH_TOOLCHAIN is "${value}".`, "Set it to build, download or auto, or leave it out.");
}

/** Fetches what may be fetched, each origin on its own, and gives its names: the rest is to be built. */
export async function fetchPrograms(
  source: Source,
  releases: readonly Release[],
  directory: string,
  progress: Progress,
): Promise<string[]> {
  if (source === "build") return [];
  const fetched: string[] = [];
  for (const release of source === "auto" ? await keepReachable(releases) : releases) {
    try {
      fetched.push(...(await downloadRelease(release, directory, progress)));
    } catch (error) {
      if (source === "download") throw error;
      const names = release.files.map(({ program }) => program).join(", ");
      progress.say(`${(error as Error).message}\n  Building ${names} from source instead.`);
    }
  }
  return fetched;
}
