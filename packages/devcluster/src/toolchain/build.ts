import { rename } from "node:fs/promises";
import { join } from "node:path";

import type { Progress } from "../progress.ts";
import { go } from "./go.ts";
import { buildFlags, programs } from "./versions.ts";
import type { Program } from "./versions.ts";

/**
 * Builds programs in one `go build`, so that what they share is compiled once. Go's own cache makes an interrupted
 * build go on where it was.
 */
export async function buildPrograms(names: readonly Program[], directory: string, progress: Progress): Promise<void> {
  const packages = names.map((name) => programs[name]);
  await progress.run(`Downloading Go modules of ${names.join(", ")}`, async (note) => {
    await go(["list", "-deps", ...packages], (line) => note(line.replace(/^go: /, "")));
  });
  await progress.run(`Building ${names.join(", ")} (the first time takes up to 13 minutes on 2 cores)`, async (note) => {
    let count = 0;
    await go(["build", "-v", ...buildFlags, "-o", `${directory}/`, ...packages], (line) => {
      count += 1;
      note(`${count} packages compiled, now ${line}`);
    });
  });
  // Go names a program after its folder, or the folder above a version.
  if (names.includes("etcd")) await rename(join(directory, "server"), join(directory, "etcd"));
}

/** Builds the engine into a directory. */
export async function buildEngine(directory: string, progress: Progress): Promise<void> {
  await progress.run("Building berth-engine", async (note) => {
    await go(["build", "-v", ...buildFlags, "-o", `${directory}/`, "berth.dev/engine/cmd/berth-engine"], note);
  });
}
