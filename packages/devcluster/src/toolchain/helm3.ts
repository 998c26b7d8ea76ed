import { join } from "node:path";

import { cacheDirectory } from "../paths.ts";
import { silentProgress } from "../progress.ts";
import { buildPrograms } from "./build.ts";
import type { EnsureOptions } from "./ensure.ts";
import { moduleFingerprint } from "./fingerprint.ts";
import { makeOnce } from "./once.ts";
import { versions } from "./versions.ts";

const MODULE = "toolchain/helm3";
const MAKER = "install-many";

/** Absolute paths of programs out of Helm 3's own module. */
export interface Helm3 {
  /** Helm 3's command line. */
  readonly helm: string;
  /** Makes hundreds of releases by its SDK; `toolchain/helm3` says how it is called. */
  readonly installMany: string;
}

/** Gives the last Helm 3, whose releases tests have Berth take over: built once. */
export async function ensureHelm3(options: Pick<EnsureOptions, "progress" | "cache"> = {}): Promise<Helm3> {
  const { progress = silentProgress, cache = cacheDirectory() } = options;
  const build = {
    packages: { "helm 3": "helm.sh/helm/v3/cmd/helm", [MAKER]: `./${MAKER}` },
    place: { module: MODULE },
    firstTime: "a minute",
    // Of flags that are given twice the last one counts.
    flags: ["-ldflags", `-s -w -X helm.sh/helm/v3/internal/version.version=v${versions.helm3}`],
  };
  const directory = await makeOnce({
    root: join(cache, "helm3"),
    key: await moduleFingerprint([MODULE], [`${MODULE}/${MAKER}/main.go`]),
    progress,
    make: (draft) => buildPrograms(build, draft, progress),
  });
  return { helm: join(directory, "helm"), installMany: join(directory, MAKER) };
}
