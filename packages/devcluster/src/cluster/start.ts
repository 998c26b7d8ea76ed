import { join } from "node:path";

import { forgetNode, isNodeReady } from "../node/furnish.ts";
import { writeNodeFiles } from "../node/files.ts";
import { createNode } from "../node/node.ts";
import type { OwnedNode, RealNode } from "../node/node.ts";
import { NODE_ADDRESS, REAL_NODE } from "../node/places.ts";
import { describeNodePrograms, nodeParts } from "../node/programs.ts";
import { clusterUsers, writePki } from "../pki/cluster-pki.ts";
import type { ClusterPki } from "../pki/cluster-pki.ts";
import type { Supervisor } from "../supervisor/client.ts";
import type { ProgramSpec } from "../supervisor/protocol.ts";
import { endLeftovers } from "../supervisor/record.ts";
import type { Toolchain } from "../toolchain/ensure.ts";
import type { NodeToolchain } from "../toolchain/real-node.ts";
import { checkRealNode } from "../world/needs.ts";
import { keeperCommand, prepareWorld, removeWorld } from "../world/world.ts";
import { adminApi } from "./api.ts";
import type { Component } from "./component.ts";
import { takeDataDirectory } from "./data-directory.ts";
import { freeNodes, furnish, isFurnished } from "./furnish.ts";
import { partKubeconfig, writeKubeconfig } from "./kubeconfig.ts";
import { createParts } from "./parts.ts";
import type { Parts } from "./parts.ts";
import { choosePorts } from "./ports.ts";
import { writePodLogs } from "./pod-logs.ts";
import { describePrograms } from "./programs.ts";
import type { ComponentName } from "./programs.ts";
import { waitUntil } from "./wait-until.ts";

/** Measured starts take under 8 s; a machine busy with a build was seen to take four times that. */
const START = 60_000;
const NODES = 2;

/** What a cluster is made of. */
export interface ClusterOptions {
  /** Holds all its state. A second start finds the objects of the first. */
  readonly dataDir: string;
  readonly toolchain: Toolchain;
  /** Simulated nodes; 2 unless told otherwise. */
  readonly nodes?: number;
  /** False lets etcd write without waiting for the disk: for clusters nobody wants back. */
  readonly durable?: boolean;
  /** What a real node is made of: given, one joins the simulated ones, which then take only pods that tolerate them. */
  readonly real?: NodeToolchain;
  /** Whether a real node may fetch images from where this machine can; not unless told so. */
  readonly internet?: boolean;
  /** Hears of a part that died though nobody stopped it. */
  readonly onFailure?: (failure: Error) => void;
}

/** A running cluster. */
export interface DevCluster extends AsyncDisposable {
  readonly dataDir: string;
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** URL of the API server. */
  readonly server: string;
  /** The administrator's credentials, PEM. */
  readonly credentials: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Number of the supervisor's process. */
  readonly supervisorPid: number;
  readonly components: Readonly<Record<ComponentName, Component>>;
  /** The real node, where one was asked for. */
  readonly node?: RealNode;
  /** Resolves once the API server answers and pods can run: after a start or restart of a part. */
  ready(): Promise<void>;
  /** Ends every process; the data stays. */
  stop(): Promise<void>;
}

/**
 * Starts a control plane with simulated nodes, and a real one where asked for, and resolves once pods can run.
 * @throws SetupError where a real node cannot run here.
 */
export async function startCluster(options: ClusterOptions): Promise<DevCluster> {
  const { dataDir, toolchain, nodes = NODES, durable = true, real, internet = false, onFailure } = options;
  if (real !== undefined) checkRealNode(dataDir);
  const lock = await takeDataDirectory(dataDir);
  const pki = await writePki(join(dataDir, "pki"));
  const ports = await choosePorts(dataDir);
  const server = `https://127.0.0.1:${ports.apiserver}`;
  const kubeconfig = await writeKubeconfigs(pki, server, join(dataDir, "kubeconfig"));
  const credentials = { ca: pki.authority.cert, ...pki.users.admin };
  await writePodLogs(dataDir);
  const programs = describePrograms({ directory: dataDir, toolchain, pki, ports, durable, isReal: real !== undefined });
  const { parts, node } = await assemble({
    dataDir,
    pki,
    stages: toolchain.kwokStages,
    programs,
    real,
    internet,
    onFailure,
  });
  const api = adminApi(server, credentials);
  const answers = () =>
    waitUntil("kube-apiserver is ready", START, async () => (await api.send("GET", "/readyz")).status === 200);
  const ready = async () => {
    await answers();
    await waitUntil("the nodes are ready", START, () => isFurnished(api, nodes));
    if (node !== undefined) await waitUntil("the real node is ready", START, () => isNodeReady(api));
  };
  const end = async () => {
    api.close();
    // A killed supervisor cannot be asked: what it left is found as at the next start.
    await stopInOrder(parts.supervisor).catch(() => endLeftovers(dataDir));
    await node?.close();
    await removeWorld(dataDir);
    await lock.release();
  };
  let ending: Promise<void> | undefined;
  const stop = () => (ending ??= end());
  try {
    const work = async () => {
      await parts.start("etcd", "kube-apiserver");
      await node?.open(ports.apiserver);
      await answers();
      await freeNodes(api, nodes);
      await Promise.all([
        parts.start("kube-controller-manager", "kube-scheduler", "kwok"),
        furnish(api, { nodes, kubelet: ports.kubelet, isTainted: node !== undefined }),
        node === undefined ? forgetNode(api) : node.join(api),
      ]);
      await ready();
    };
    await Promise.race([work(), parts.died]);
  } catch (error) {
    await stop();
    throw error;
  }
  const { components } = parts;
  const { pid: supervisorPid } = parts.supervisor;
  const facts = { dataDir, kubeconfig, server, credentials, supervisorPid, components };
  return { ...facts, ...(node === undefined ? {} : { node }), ready, stop, [Symbol.asyncDispose]: stop };
}

interface Assembly {
  readonly dataDir: string;
  readonly pki: ClusterPki;
  readonly stages: string;
  readonly programs: Readonly<Record<ComponentName, ProgramSpec>>;
  readonly real: NodeToolchain | undefined;
  readonly internet: boolean;
  readonly onFailure: ((failure: Error) => void) | undefined;
}

interface Assembled {
  readonly parts: Parts<ComponentName>;
  readonly node?: OwnedNode;
}

/** Starts the supervisor: on this machine, or with a real node's programs in a world of their own. */
async function assemble({ dataDir, pki, stages, programs, real, internet, onFailure }: Assembly): Promise<Assembled> {
  if (real === undefined) return { parts: createParts(dataDir, programs, undefined, onFailure) };
  await prepareWorld(dataDir);
  const layout = { directory: dataDir, stages, toolchain: real, pki, internet };
  await writeNodeFiles(layout);
  const world = { directory: dataDir, name: REAL_NODE, address: NODE_ADDRESS, path: real.path };
  const all = { ...programs, ...describeNodePrograms(layout) };
  const parts = createParts(dataDir, all, keeperCommand(world), onFailure);
  return { parts, node: createNode(dataDir, layout, parts.components) };
}

/** In this order nobody loses what it depends on while it ends. Containers end with the world. */
async function stopInOrder(supervisor: Supervisor): Promise<void> {
  await Promise.all(nodeParts.map((name) => supervisor.stop(name, "SIGKILL")));
  const clients: ComponentName[] = ["kwok", "kube-scheduler", "kube-controller-manager"];
  await Promise.all(clients.map((name) => supervisor.stop(name)));
  await supervisor.stop("kube-apiserver");
  await supervisor.stop("etcd");
  await supervisor.close();
}

async function writeKubeconfigs(pki: ClusterPki, server: string, admin: string): Promise<string> {
  for (const user of clusterUsers) await writeKubeconfig(pki, user, server, partKubeconfig(pki, user));
  return writeKubeconfig(pki, "admin", server, admin);
}
