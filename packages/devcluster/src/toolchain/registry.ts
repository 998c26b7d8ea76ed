import { join } from "node:path";

import { cacheDirectory } from "../paths.ts";
import { silentProgress } from "../progress.ts";
import type { EnsureOptions } from "./ensure.ts";
import { moduleFingerprint } from "./fingerprint.ts";
import { go } from "./go.ts";
import { makeOnce } from "./once.ts";
import { buildFlags } from "./versions.ts";

const MODULE = "toolchain/registry";
const PACKAGE = "github.com/distribution/distribution/v3/cmd/registry";

/** Gives the OCI registry that tests fetch charts from and a real node its images: CNCF's distribution, built once. */
export async function ensureRegistry(options: Pick<EnsureOptions, "progress" | "cache"> = {}): Promise<string> {
  const { progress = silentProgress, cache = cacheDirectory() } = options;
  const directory = await makeOnce({
    root: join(cache, "registry"),
    key: await moduleFingerprint([MODULE]),
    progress,
    make: (draft) =>
      progress.run("Building the OCI registry (the first time takes a minute on 2 cores)", async (note) => {
        await go(["build", "-v", ...buildFlags, "-o", join(draft, "registry"), PACKAGE], note, { module: MODULE });
      }),
  });
  return join(directory, "registry");
}
