import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { cacheDirectory, repository, silentProgress } from "@berth/devcluster";

import { runCommand } from "../../packages/devcluster/src/process/command.ts";
import { makeOnce } from "../../packages/devcluster/src/toolchain/once.ts";

/** Why nothing of Python can run here; undefined where it can. */
export async function whyNoPython(): Promise<string | undefined> {
  const works = await runCommand("python3", ["-m", "pip", "--version"]).catch(() => undefined);
  return works === undefined ? "there is no Python 3 with pip" : undefined;
}

/** Fetches the versions that toolchain/NAME pins into the cache, and gives their folder, for PYTHONPATH. */
export async function ensurePython(name: string): Promise<string> {
  const requirements = join(repository, "toolchain", name, "requirements.txt");
  const pins = await readFile(requirements, "utf8");
  return makeOnce({
    root: join(cacheDirectory(), name),
    key: createHash("sha256").update(pins).digest("hex").slice(0, 20),
    progress: silentProgress,
    async make(draft) {
      const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target", draft];
      await runCommand("python3", [...pip, "--requirement", requirements]);
    },
  });
}
