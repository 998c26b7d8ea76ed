import { rename } from "node:fs/promises";
import { join } from "node:path";

import { cacheDirectory } from "../paths.ts";
import { silentProgress } from "../progress.ts";
import type { Progress } from "../progress.ts";
import { buildEngine, buildPrograms } from "./build.ts";
import { engineFingerprint, toolchainFingerprint } from "./fingerprint.ts";
import { makeOnce } from "./once.ts";
import { listReleases, OFFICIAL } from "./releases.ts";
import type { BaseUrls } from "./releases.ts";
import { fetchPrograms, readSource } from "./source.ts";
import type { Source } from "./source.ts";
import { writeStages } from "./stages.ts";
import { programs } from "./versions.ts";

/** Absolute paths of the programs of the embedded cluster. */
export interface Toolchain {
  readonly etcd: string;
  readonly kubeApiserver: string;
  readonly kubeControllerManager: string;
  readonly kubeScheduler: string;
  readonly kwok: string;
  /** What KWOK's nodes, pods and volumes go through. */
  readonly kwokStages: string;
  readonly helm: string;
}

/** How programs are come by. */
export interface EnsureOptions {
  readonly progress?: Progress;
  /** What `BERTH_TOOLCHAIN` says unless given; `auto` fetches where the downloads can be reached. */
  readonly source?: Source;
  /** Where downloads come from. */
  readonly baseUrls?: BaseUrls;
  /** Directory of everything kept. */
  readonly cache?: string;
}

/** Gives the pinned programs, from the cache or by building or fetching them once. */
export async function ensureToolchain(options: EnsureOptions = {}): Promise<Toolchain> {
  const { progress = silentProgress, cache = cacheDirectory() } = options;
  const directory = await makeOnce({
    root: join(cache, "toolchain"),
    key: await toolchainFingerprint(),
    progress,
    make: (draft) => fill(draft, options, progress),
  });
  return {
    etcd: join(directory, "etcd"),
    kubeApiserver: join(directory, "kube-apiserver"),
    kubeControllerManager: join(directory, "kube-controller-manager"),
    kubeScheduler: join(directory, "kube-scheduler"),
    kwok: join(directory, "kwok"),
    kwokStages: join(directory, "stages.yaml"),
    helm: join(directory, "helm"),
  };
}

/** Gives the engine built from the sources as they are now. */
export async function ensureEngine(options: Pick<EnsureOptions, "progress" | "cache"> = {}): Promise<string> {
  const { progress = silentProgress, cache = cacheDirectory() } = options;
  const directory = await makeOnce({
    root: join(cache, "engine"),
    key: await engineFingerprint(),
    progress,
    make: (draft) => buildEngine(draft, progress),
  });
  return join(directory, "berth-engine");
}

async function fill(draft: string, options: EnsureOptions, progress: Progress): Promise<void> {
  const releases = listReleases(options.baseUrls ?? OFFICIAL);
  const fetched = await fetchPrograms(options.source ?? readSource(), releases, draft, progress);
  const packages = Object.fromEntries(Object.entries(programs).filter(([name]) => !fetched.includes(name)));
  await buildPrograms({ packages, firstTime: "up to 13 minutes" }, draft, progress);
  // Go names a program after its folder, or the folder above a version.
  if ("etcd" in packages) await rename(join(draft, "server"), join(draft, "etcd"));
  await writeStages(join(draft, "stages.yaml"));
}
