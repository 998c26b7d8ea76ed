import { join } from "node:path";

import { writePki } from "../pki/cluster-pki.ts";
import type { ClusterPki } from "../pki/cluster-pki.ts";
import { startSupervisor } from "../supervisor/client.ts";
import type { Supervisor } from "../supervisor/client.ts";
import type { ProgramExit } from "../supervisor/protocol.ts";
import { endLeftovers } from "../supervisor/record.ts";
import type { Toolchain } from "../toolchain/ensure.ts";
import { adminApi } from "./api.ts";
import { createComponent } from "./component.ts";
import type { Component, OwnedComponent } from "./component.ts";
import { takeDataDirectory } from "./data-directory.ts";
import { describeFailure } from "./failure.ts";
import { furnish, isFurnished } from "./furnish.ts";
import { partKubeconfig, writeKubeconfig } from "./kubeconfig.ts";
import { choosePorts } from "./ports.ts";
import { writePodLogs } from "./pod-logs.ts";
import { componentNames, describePrograms } from "./programs.ts";
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
  /** Resolves once the API server answers and pods can run: after a start or restart of a part. */
  ready(): Promise<void>;
  /** Ends every process; the data stays. */
  stop(): Promise<void>;
}

/** Starts a control plane and simulated nodes, and resolves once pods can run. */
export async function startCluster(options: ClusterOptions): Promise<DevCluster> {
  const { dataDir, toolchain, nodes = NODES, durable = true, onFailure } = options;
  const lock = await takeDataDirectory(dataDir);
  const started = Promise.withResolvers<never>();
  // Whoever waits hears it; nobody waiting is no error.
  started.promise.catch(() => undefined);
  const onExit = async (exit: ProgramExit) => {
    const part = components[exit.name as ComponentName];
    part.ended();
    if (exit.expected) return;
    const failure = await describeFailure(exit, part.log);
    started.reject(failure);
    onFailure?.(failure);
  };
  const pki = await writePki(join(dataDir, "pki"));
  const ports = await choosePorts(dataDir);
  const server = `https://127.0.0.1:${ports.apiserver}`;
  const kubeconfig = await writeKubeconfigs(pki, server, join(dataDir, "kubeconfig"));
  const credentials = { ca: pki.authority.cert, ...pki.users.admin };
  await writePodLogs(dataDir);
  const supervisor = startSupervisor(dataDir, (exit) => void onExit(exit));
  const programs = describePrograms({ directory: dataDir, toolchain, pki, ports, durable });
  const components = Object.fromEntries(
    componentNames.map((name) => [name, createComponent(supervisor, programs[name])]),
  ) as Record<ComponentName, OwnedComponent>;
  const api = adminApi(server, credentials);
  const start = (...names: ComponentName[]) => Promise.all(names.map((name) => components[name].start()));
  const answers = () =>
    waitUntil("kube-apiserver is ready", START, async () => (await api.send("GET", "/readyz")).status === 200);
  const ready = async () => {
    await answers();
    await waitUntil("the nodes are ready", START, () => isFurnished(api, nodes));
  };
  const end = async () => {
    api.close();
    // A killed supervisor cannot be asked: what it left is found as at the next start.
    await stopInOrder(supervisor).catch(() => endLeftovers(dataDir));
    await lock.release();
  };
  let ending: Promise<void> | undefined;
  const stop = () => (ending ??= end());
  try {
    const work = async () => {
      await start("etcd", "kube-apiserver");
      await answers();
      await Promise.all([
        start("kube-controller-manager", "kube-scheduler", "kwok"),
        furnish(api, nodes, ports.kubelet),
      ]);
      await ready();
    };
    await Promise.race([work(), started.promise]);
  } catch (error) {
    await stop();
    throw error;
  }
  const { pid: supervisorPid } = supervisor;
  return {
    dataDir,
    kubeconfig,
    server,
    credentials,
    supervisorPid,
    components,
    ready,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** In this order nobody loses what it depends on while it ends. */
async function stopInOrder(supervisor: Supervisor): Promise<void> {
  const clients: ComponentName[] = ["kwok", "kube-scheduler", "kube-controller-manager"];
  await Promise.all(clients.map((name) => supervisor.stop(name)));
  await supervisor.stop("kube-apiserver");
  await supervisor.stop("etcd");
  await supervisor.close();
}

async function writeKubeconfigs(pki: ClusterPki, server: string, admin: string): Promise<string> {
  for (const user of ["controller-manager", "scheduler", "kwok"] as const) {
    await writeKubeconfig(pki, user, server, partKubeconfig(pki, user));
  }
  return writeKubeconfig(pki, "admin", server, admin);
}
