import type { Progress } from "../progress.ts";
import { go } from "./go.ts";
import type { GoPlace } from "./go.ts";
import { buildFlags } from "./versions.ts";

/** Programs to build: names for a person, and the packages behind them. */
export interface Build {
  readonly packages: Readonly<Record<string, string>>;
  /** How long it takes when nothing was compiled before, in words. */
  readonly firstTime: string;
  readonly place?: GoPlace;
  /** Flags besides the ones that all programs share. */
  readonly flags?: readonly string[];
}

/**
 * Builds programs in one `go build`, so that what they share is compiled once. Go's own cache makes an interrupted
 * build go on where it was.
 */
export async function buildPrograms(build: Build, directory: string, progress: Progress): Promise<void> {
  const { firstTime, place, flags = [] } = build;
  const names = Object.keys(build.packages).join(", ");
  const packages = Object.values(build.packages);
  if (packages.length === 0) return;
  await progress.run(`Downloading Go modules of ${names}`, async (note) => {
    await go(["list", "-deps", ...flags, ...packages], (line) => note(line.replace(/^go: /, "")), place);
  });
  await progress.run(`Building ${names} (the first time takes ${firstTime} on 2 cores)`, async (note) => {
    let count = 0;
    const onLine = (line: string) => {
      count += 1;
      note(`${count} packages compiled, now ${line}`);
    };
    await go(["build", "-v", ...buildFlags, ...flags, "-o", `${directory}/`, ...packages], onLine, place);
  });
}

/** Builds the engine into a directory. */
export async function buildEngine(directory: string, progress: Progress): Promise<void> {
  await progress.run("Building berth-engine", async (note) => {
    await go(["build", "-v", ...buildFlags, "-o", `${directory}/`, "berth.dev/engine/cmd/berth-engine"], note);
  });
}
