import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join, resolve } from "node:path";

import { silentLogger, systemClock } from "@berth/base";
import {
  checkRealNode,
  ensureEnvoyGateway,
  ensureRealNode,
  ensureToolchain,
  resetCluster,
  SetupError,
  startCluster,
} from "@berth/devcluster";
import type { Progress } from "@berth/devcluster";
import {
  applyDefinitions,
  createKubeClient,
  ensureNamespace,
  loadKubeconfig,
  missingDefinitions,
  readDefinitions,
} from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { furnisher } from "./furnish.ts";
import { HOME } from "./home.ts";
import type { UpOptions } from "./options.ts";

/** The cluster Berth works on. */
export interface Target {
  readonly kubeconfig: string;
  readonly context: string;
  /** Present with the embedded cluster. */
  readonly helm?: string;
  /** Present with a real node. */
  readonly kubectl?: string;
  /** Whether Berth installs Envoy Gateway on it. */
  readonly hasGateway: boolean;
  /** Has the Berth at a URL make what is there from the start. */
  readonly furnish?: (url: string) => Promise<void>;
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
  if (options.real) checkRealNode(dataDir);
  if (options.reset) await resetCluster(dataDir);
  const toolchain = await ensureToolchain({ progress });
  const parts = await realParts(options, progress);
  const cluster = await progress.run("Starting Kubernetes", () =>
    startCluster({
      dataDir,
      toolchain,
      onFailure,
      internet: options.internet,
      ...(parts.real === undefined ? {} : { real: parts.real }),
    }),
  );
  try {
    await withClient(cluster.kubeconfig, "", makeHome);
    for (const { to, port, protocol } of options.forwards) {
      await cluster.node?.forward(to, { port, protocol });
      progress.say(`127.0.0.1:${port} leads to ${to.host}:${to.port} (${protocol}).`);
    }
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  const { kubeconfig, node } = cluster;
  const kubectl = node === undefined ? {} : { kubectl: node.kubectl };
  const furnishing = furnisher(cluster, parts.gateway, options, progress);
  const stop = async () => {
    await furnishing.stop();
    await cluster.stop();
  };
  const { furnish } = furnishing;
  return {
    kubeconfig,
    context: "",
    helm: toolchain.helm,
    ...kubectl,
    hasGateway: parts.gateway !== undefined,
    furnish,
    stop,
  };
}

async function realParts({ real, gateway }: UpOptions, progress: Progress) {
  if (!real) return {};
  const node = await ensureRealNode({ progress });
  if (!gateway) return { real: node };
  const parts = await ensureEnvoyGateway({ progress });
  return { real: { ...node, images: { ...node.images, ...parts.images } }, gateway: parts };
}

/** Takes a cluster that is there already, and says what Berth needs on it. */
export async function givenCluster(options: UpOptions, progress: Progress): Promise<Target> {
  const kubeconfig = resolve(options.kubeconfig);
  await access(kubeconfig, constants.R_OK).catch((cause: unknown) => {
    throw new SetupError(`${kubeconfig} cannot be read.`, "Give the path of a kubeconfig you may read.", { cause });
  });
  await withClient(kubeconfig, options.context, async (client) => {
    if (options.installCrds) return progress.run("Applying Berth's CRDs and namespace", () => makeHome(client));
    const missing = await missingDefinitions(client);
    progress.say(`CRDs and roles that Berth needs on this cluster (it acts with the rights of the kubeconfig's user):`);
    for (const { text } of await readDefinitions()) progress.say(`---\n${text.trimEnd()}`);
    progress.say(`---\n${JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: HOME } })}`);
    if (missing.length === 0) return;
    throw new SetupError(
      `The cluster does not have ${missing.join(", ")}.`,
      "Read what is printed above, then give --install-crds to have it applied.",
    );
  });
  return { kubeconfig, context: options.context, hasGateway: false, stop: () => Promise.resolve() };
}

async function makeHome(client: KubeClient): Promise<void> {
  await applyDefinitions(client, systemClock);
  await ensureNamespace(client, HOME);
}

async function withClient(kubeconfig: string, context: string, work: (client: KubeClient) => Promise<void>) {
  const client = createKubeClient(await loadKubeconfig(kubeconfig, context), {
    log: silentLogger,
    clock: systemClock,
  });
  try {
    await work(client);
  } finally {
    await client.close();
  }
}
