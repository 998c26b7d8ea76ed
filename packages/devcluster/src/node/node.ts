import type { Server } from "node:net";
import { join } from "node:path";

import type { AdminApi } from "../cluster/api.ts";
import type { Component } from "../cluster/component.ts";
import { waitUntil } from "../cluster/wait-until.ts";
import { openDoor } from "../door/door.ts";
import type { Door, Forward, ForwardOptions } from "../door/door.ts";
import type { Target } from "../door/protocol.ts";
import { readArchive } from "../images/read-archive.ts";
import { furnishStore, platform } from "../images/store.ts";
import { runCommand } from "../process/command.ts";
import { readWorld } from "../world/world.ts";
import { furnishNode } from "./furnish.ts";
import type { NodeLayout } from "./files.ts";
import { serveOutlet } from "./outlet.ts";
import { nodeOutlet, REAL_NODE } from "./places.ts";
import { nodeParts } from "./programs.ts";
import type { NodePart } from "./programs.ts";

const CONTAINERD = "run/containerd/containerd.sock";
/** containerd answers within a second; on a machine busy with a build it was seen to take several. */
const START = 60_000;

/** A node whose pods are real containers. */
export interface RealNode {
  readonly name: string;
  /** Its parts. Their process numbers, like those of all parts beside a real node, are the ones inside its world. */
  readonly components: Readonly<Record<NodePart, Component>>;
  /** Path of kubectl, in Kubernetes' own version. */
  readonly kubectl: string;
  /** Number of the process whose end, however it comes, ends all of the cluster. */
  readonly worldPid: number;
  /** Makes a port of a Service, a pod or the node answer on this machine's loopback address. */
  forward(to: Target, options?: ForwardOptions): Promise<Forward>;
  /** Takes the images of an OCI archive, where it does not have them. */
  importImage(archive: string): Promise<void>;
}

/** A real node while its cluster starts and ends. */
export interface OwnedNode extends RealNode {
  /** Opens the door to the API server and takes the images: the world is there, for its first programs were started. */
  open(apiserver: number): Promise<void>;
  /** Joins the cluster: the API server answers. */
  join(api: AdminApi): Promise<void>;
  close(): Promise<void>;
}

/** Makes the node of a cluster whose supervisor runs in a world. */
export function createNode(
  directory: string,
  { toolchain, internet }: Pick<NodeLayout, "toolchain" | "internet">,
  parts: Readonly<Record<NodePart, Component>>,
): OwnedNode {
  let door: Door | undefined;
  let outlet: Server | undefined;
  let holder = 0;
  const opened = () => {
    if (door === undefined) throw new Error("The real node has not started.");
    return door;
  };
  // The world's files are to be found by any process in it, its sockets among them.
  const ctr = (...args: string[]) =>
    runCommand(toolchain.ctr, ["--address", join("/proc", String(holder), "root", CONTAINERD), ...args]);
  const answers = () => waitUntil("containerd answers", START, () => ctr("version").then(() => true));
  const components = { ...parts, containerd: answering(parts.containerd, answers) };
  const importImage = async (archive: string) => {
    // Each line: name, media type, digest and more.
    const known = (await ctr("--namespace=k8s.io", "images", "list")).split("\n").map((line) => line.split(/\s+/));
    const images = await readArchive(archive);
    if (images.every(({ name, digest }) => known.some((words) => words[0] === name && words[2] === digest))) return;
    await ctr("--namespace=k8s.io", "images", "import", `--platform=${platform}`, archive);
  };
  return {
    name: REAL_NODE,
    components,
    kubectl: toolchain.kubectl,
    get worldPid() {
      return holder;
    },
    forward: (to, options) => opened().forward(to, options),
    importImage,
    async open(apiserver) {
      const world = await readWorld(directory);
      holder = world.holder?.pid ?? 0;
      door = openDoor(holder);
      await door.forward({ host: "127.0.0.1", port: apiserver }, { port: apiserver });
      if (internet) {
        outlet = await door.listen(nodeOutlet);
        serveOutlet(outlet);
      }
      await furnishStore(toolchain, join(directory, "node/lib/containerd"));
      await components.containerd.start();
      for (const archive of Object.values(toolchain.images)) await importImage(archive);
    },
    async join(api) {
      await furnishNode(api);
      await Promise.all(nodeParts.filter((name) => name !== "containerd").map((name) => components[name].start()));
    },
    async close() {
      outlet?.close();
      await door?.close();
    },
  };
}

/** A part that counts as started once it answers: a kubelet that finds no containerd ends. */
function answering(part: Component, answers: () => Promise<void>): Component {
  const { name, log, stop } = part;
  const start = async () => {
    await part.start();
    await answers();
  };
  const restart = async (signal?: NodeJS.Signals) => {
    await stop(signal);
    await start();
  };
  return {
    ...{ name, log, start, stop, restart },
    get pid() {
      return part.pid;
    },
  };
}
