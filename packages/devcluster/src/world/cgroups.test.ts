import assert from "node:assert/strict";
import { mkdtemp, mkdir, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { planCgroups, removeAbandonedCgroups } from "./cgroups.ts";

const HYBRID = {
  membership: "4:name=systemd:/init\n3:memory:/a/b\n2:cpu,cpuacct:/\n1:pids:/\n5:cpuset:/\n0::/\n",
  mounts: `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`,
};
const UNIFIED = {
  membership: "0::/user.slice/session-1.scope\n",
  mounts: "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
};

test("version 1: a group in each mounted hierarchy, below our own", () => {
  assert.deepEqual(planCgroups(HYBRID, "w"), {
    roots: [
      "/sys/fs/cgroup/systemd/init/w",
      "/sys/fs/cgroup/memory/a/b/w",
      "/sys/fs/cgroup/cpu,cpuacct/w",
      "/sys/fs/cgroup/pids/w",
    ],
    leaves: [],
    hierarchies: ["none,name=systemd", "memory", "cpu,cpuacct", "pids"],
  });
});

test("version 1 in a container, which sees its own part of the hierarchy only", () => {
  const membership = "3:memory:/docker/x\n2:cpu:/docker/x\n1:pids:/docker/x/y\n";
  const mounts = ["memory", "cpu", "pids"]
    .map((name) => `1 1 0:1 /docker/x /sys/fs/cgroup/${name} rw - cgroup cgroup rw,${name}\n`)
    .join("");
  assert.deepEqual(planCgroups({ membership, mounts }, "w").roots, [
    "/sys/fs/cgroup/memory/w",
    "/sys/fs/cgroup/cpu/w",
    "/sys/fs/cgroup/pids/y/w",
  ]);
});

test("version 2: one group, and a leaf for the processes", () => {
  const root = "/sys/fs/cgroup/user.slice/session-1.scope/w";
  assert.deepEqual(planCgroups(UNIFIED, "w"), { roots: [root], leaves: [`${root}/world`], hierarchies: [] });
});

test("no hierarchy is said", () => {
  assert.throws(() => planCgroups({ membership: "0::/\n", mounts: "" }, "w"), /cpu, memory and pids/);
});

test("only what holds no process and is older than a minute counts as abandoned", async () => {
  // Plain folders: the kernel's are the real node's tests. A folder with a file in it cannot be removed either.
  const parent = await mkdtemp(join(tmpdir(), "berth-cgroups-"));
  try {
    const old = new Date(Date.now() - 120_000);
    for (const [name, processes] of [
      ["berth-used", "12\n"],
      ["berth-new", ""],
      ["others", ""],
    ] as const) {
      await mkdir(join(parent, name, "pod"), { recursive: true });
      await writeFile(join(parent, name, "cgroup.procs"), "");
      await writeFile(join(parent, name, "pod", "cgroup.procs"), processes);
      if (name !== "berth-new") await utimes(join(parent, name), old, old);
    }
    await removeAbandonedCgroups([join(parent, "berth-own")]);
    assert.deepEqual(await readdir(parent), ["berth-new", "berth-used", "others"]);
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
});
