import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { writeImage } from "../images/archive.ts";
import { nodeImages } from "../images/names.ts";
import { cacheDirectory } from "../paths.ts";
import { silentProgress } from "../progress.ts";
import type { Progress } from "../progress.ts";
import { buildPrograms } from "./build.ts";
import { buildPause } from "./c.ts";
import type { EnsureOptions } from "./ensure.ts";
import { moduleFingerprint, toolchainFingerprint } from "./fingerprint.ts";
import { makeOnce } from "./once.ts";
import { listNodeReleases, OFFICIAL } from "./releases.ts";
import { ensureRegistry } from "./registry.ts";
import { makeRuntime, RUNTIME_MODULES, RUNTIME_SOURCES } from "./runtime.ts";
import { fetchPrograms, readSource } from "./source.ts";
import { nodePrograms } from "./versions.ts";

/** Counts the ways in which the contents below were laid out: another way is another version in the cache. */
const LAYOUT = "2";

/** Absolute paths of what a real node is made of. */
export interface NodeToolchain {
  readonly kubelet: string;
  readonly kubeProxy: string;
  readonly kubectl: string;
  readonly containerd: string;
  readonly ctr: string;
  readonly runc: string;
  readonly coredns: string;
  /** The OCI registry that the node pulls from. */
  readonly registry: string;
  /** Directories with all programs that these call by name, nft among them. */
  readonly path: readonly string[];
  /** Directory of the CNI plugins. */
  readonly cni: string;
  /** OCI archives that the node has from its start: what every pod needs, agnhost, and whatever is added. */
  readonly images: Readonly<Record<string, string>>;
}

/**
 * Gives what a real node is made of, from the cache or by building it once. Kubernetes' part is made anew with each
 * change of the workspace's modules (Go's cache has nearly all of it), the rest with its own modules.
 */
export async function ensureRealNode(options: EnsureOptions = {}): Promise<NodeToolchain> {
  const { progress = silentProgress, cache = cacheDirectory() } = options;
  const runtime = await makeOnce({
    root: join(cache, "node-runtime"),
    key: await moduleFingerprint(RUNTIME_MODULES, RUNTIME_SOURCES, [LAYOUT]),
    progress,
    make: (draft) => makeRuntime(draft, progress),
  });
  const kubernetes = await makeOnce({
    root: join(cache, "node-kubernetes"),
    key: `${await toolchainFingerprint()}-${LAYOUT}`,
    progress,
    make: (draft) => makeKubernetes(draft, options, progress),
  });
  const bin = (name: string) => join(runtime, "bin", name);
  return {
    kubelet: join(kubernetes, "kubelet"),
    kubeProxy: join(kubernetes, "kube-proxy"),
    kubectl: join(kubernetes, "kubectl"),
    containerd: bin("containerd"),
    ctr: bin("ctr"),
    runc: bin("runc"),
    coredns: bin("coredns"),
    registry: await ensureRegistry({ progress, cache }),
    path: [join(runtime, "bin")],
    cni: join(runtime, "cni"),
    images: { pause: join(kubernetes, "images/pause.tar"), agnhost: join(kubernetes, "images/agnhost.tar") },
  };
}

async function makeKubernetes(draft: string, options: EnsureOptions, progress: Progress): Promise<void> {
  const releases = listNodeReleases(options.baseUrls ?? OFFICIAL);
  const fetched = await fetchPrograms(options.source ?? readSource(), releases, draft, progress);
  const packages = Object.fromEntries(Object.entries(nodePrograms).filter(([name]) => !fetched.includes(name)));
  await buildPrograms({ packages, firstTime: "a minute beside the control plane, up to 15 without" }, draft, progress);
  await mkdir(join(draft, "images"));
  await progress.run("Making images of pause and agnhost", async () => {
    const pause = await buildPause(draft);
    await writeImage({
      name: nodeImages.pause,
      file: join(draft, "images/pause.tar"),
      files: { pause },
      entrypoint: ["/pause"],
    });
    await writeImage({
      name: nodeImages.agnhost,
      file: join(draft, "images/agnhost.tar"),
      files: { agnhost: join(draft, "agnhost") },
      entrypoint: ["/agnhost"],
      args: ["pause"],
    });
    await Promise.all(["pause", "agnhost"].map((name) => rm(join(draft, name))));
  });
}
