import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join, resolve } from "node:path";

import { ensureToolchain, resetCluster, SetupError, startCluster } from "@berth/devcluster";
import type { Progress } from "@berth/devcluster";

import type { UpOptions } from "./options.ts";

/** The cluster Berth works on. */
export interface Target {
  readonly kubeconfig: string;
  readonly context: string;
  /** Present with the embedded cluster. */
  readonly helm?: string;
  stop(): Promise<void>;
}

/** Starts the embedded cluster. */
export async function embeddedCluster(
  options: UpOptions,
  progress: Progress,
  onFailure: (failure: Error) => void,
): Promise<Target> {
  // A folder of its own: it is made 0700, which the folder a person names may not be meant for.
  const dataDir = join(resolve(options.data), "cluster");
  if (options.reset) await resetCluster(dataDir);
  const toolchain = await ensureToolchain({ progress });
  const cluster = await progress.run("Starting Kubernetes", () => startCluster({ dataDir, toolchain, onFailure }));
  return { kubeconfig: cluster.kubeconfig, context: "", helm: toolchain.helm, stop: cluster.stop };
}

/** Takes a cluster that is there already, and says what Berth needs on it. */
export async function givenCluster(options: UpOptions, progress: Progress): Promise<Target> {
  const kubeconfig = resolve(options.kubeconfig);
  await access(kubeconfig, constants.R_OK).catch((cause: unknown) => {
    throw new SetupError(`${kubeconfig} cannot be read.`, "Give the path of a kubeconfig you may read.", { cause });
  });
  progress.say(
    "CRDs and roles that Berth needs on this cluster: none in this version. It acts with the rights of the kubeconfig's user." +
      (options.installCrds ? " --install-crds has nothing to apply." : ""),
  );
  return { kubeconfig, context: options.context, stop: () => Promise.resolve() };
}
