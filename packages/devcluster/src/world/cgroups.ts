import { mkdir, readdir, readFile, rmdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { SetupError } from "../setup-error.ts";

/** Which cgroups a world gets: children of the ones this process is in. */
export interface CgroupPlan {
  /** To be made in this order, and joined before the cgroup namespace is: they are its roots. */
  readonly roots: readonly string[];
  /** To be joined once the namespace is there: in version 2 a group that limits others holds no process itself. */
  readonly leaves: readonly string[];
  /** Version 1: mount options of each hierarchy. Empty in version 2. */
  readonly hierarchies: readonly string[];
}

/** What the kernel says of this process's cgroups. */
export interface CgroupFacts {
  /** `/proc/self/cgroup` */
  readonly membership: string;
  /** `/proc/self/mountinfo` */
  readonly mounts: string;
}

/** What a kubelet limits pods by. */
const NEEDED = ["cpu", "memory", "pids"];
/** A killed process leaves its cgroup when the kernel has taken it apart: milliseconds, more on a busy machine. */
const PATIENCE = 10_000;
const LOOK = 50;
/** How names of worlds' cgroups begin. */
export const CGROUP_PREFIX = "berth-";
/** A world that is being made holds no process for a moment: older ones without any are abandoned. */
const ABANDONED_AFTER = 60_000;

/** Reads what the kernel says. */
export async function readCgroupFacts(): Promise<CgroupFacts> {
  const [membership, mounts] = await Promise.all([
    readFile("/proc/self/cgroup", "utf8"),
    readFile("/proc/self/mountinfo", "utf8"),
  ]);
  return { membership, mounts };
}

/** Plans the cgroups of a world with this name, in version 1 (also beside an empty version 2) or version 2. */
export function planCgroups({ membership, mounts }: CgroupFacts, name: string): CgroupPlan {
  const mounted = parseMounts(mounts);
  const groups = membership
    .trim()
    .split("\n")
    .map((line) => line.split(":").slice(1) as [string, string]);
  const first = groups.flatMap(([controllers, path]) => {
    const mount = mounted.find(({ type, options }) => type === "cgroup" && hasAll(options, controllers.split(",")));
    const options = controllers.startsWith("name=") ? `none,${controllers}` : controllers;
    return controllers === "" || mount === undefined ? [] : [{ options, root: below(mount, path, name) }];
  });
  const limited = first.flatMap(({ options }) => options.split(","));
  if (hasAll(limited, NEEDED)) {
    return { roots: first.map(({ root }) => root), leaves: [], hierarchies: first.map(({ options }) => options) };
  }
  const unified = mounted.find(({ type }) => type === "cgroup2");
  const path = groups.find(([controllers]) => controllers === "")?.[1];
  if (unified === undefined || path === undefined) {
    throw new SetupError(
      "No cgroup hierarchy with cpu, memory and pids is mounted.",
      "Mount one at /sys/fs/cgroup: a kubelet limits pods by them.",
    );
  }
  const root = below(unified, path, name);
  return { roots: [root], leaves: [join(root, "world")], hierarchies: [] };
}

/** Makes the cgroups of a plan. */
export async function makeCgroups({ roots, leaves, hierarchies }: CgroupPlan): Promise<void> {
  for (const [index, root] of roots.entries()) {
    await mkdir(root);
    if (hierarchies[index]?.split(",").includes("cpuset") === true) await inheritCpus(root);
  }
  for (const leaf of leaves) await mkdir(leaf);
}

/** In version 1 a new group may use no processor at all, nor may its children, until it is told. */
async function inheritCpus(group: string): Promise<void> {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    await writeFile(join(group, file), await readFile(join(group, "..", file), "utf8"));
  }
  await writeFile(join(group, "cgroup.clone_children"), "1");
}

/** Removes cgroups with all below them, as soon as their last process is gone. Those that are not there are no error. */
export async function removeCgroups(roots: readonly string[]): Promise<void> {
  const end = performance.now() + PATIENCE;
  for (const root of roots) {
    while (!(await isRemoved(root))) {
      if (performance.now() > end) throw new Error(`The cgroup ${root} still has processes.`);
      await sleep(LOOK);
    }
  }
}

/**
 * Removes the cgroups of other worlds whose processes were all killed, keeper included, and whose data directory will
 * not be started again to do it: those beside these roots that hold no process.
 */
export async function removeAbandonedCgroups(roots: readonly string[]): Promise<void> {
  for (const parent of new Set(roots.map(dirname))) {
    const names = (await readdir(parent)).filter((name) => name.startsWith(CGROUP_PREFIX));
    for (const group of names.map((name) => join(parent, name))) {
      if (await isAbandoned(group)) await isRemoved(group);
    }
  }
}

async function isAbandoned(group: string): Promise<boolean> {
  try {
    if (Date.now() - (await stat(group)).mtimeMs < ABANDONED_AFTER) return false;
    const entries = await readdir(group, { recursive: true, withFileTypes: true });
    const groups = entries.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
    const members = await Promise.all([group, ...groups].map((name) => readFile(join(name, "cgroup.procs"), "utf8")));
    return members.every((text) => text === "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

async function isRemoved(group: string): Promise<boolean> {
  try {
    const entries = await readdir(group, { withFileTypes: true });
    for (const entry of entries) if (entry.isDirectory()) await isRemoved(join(group, entry.name));
    await rmdir(group);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

interface Mount {
  readonly type: string;
  /** What of the hierarchy is to be seen there. */
  readonly root: string;
  readonly point: string;
  readonly options: readonly string[];
}

/** See proc_pid_mountinfo(5): fields of the mount, a dash, then those of its file system. */
function parseMounts(mounts: string): Mount[] {
  return mounts
    .trim()
    .split("\n")
    .map((line) => {
      const [left = "", right = ""] = line.split(" - ");
      const [, , , root = "", point = ""] = left.split(" ");
      const [type = "", , options = ""] = right.split(" ");
      return { type, root, point, options: options.split(",") };
    });
}

/** Path of a new group below the one this process is in. */
function below({ root, point }: Mount, path: string, name: string): string {
  const inside = root !== "/" && path.startsWith(root) ? path.slice(root.length) : path;
  return join(point, inside, name);
}

function hasAll(list: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((item) => list.includes(item));
}
