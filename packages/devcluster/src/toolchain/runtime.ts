import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Progress } from "../progress.ts";
import { buildPrograms } from "./build.ts";
import type { Build } from "./build.ts";
import { seccompEnvironment } from "./c.ts";
import { addNft, borrowPackages } from "./debian.ts";

const CONTAINERD = "github.com/containerd/containerd/v2";
const PLUGINS = "github.com/containernetworking/plugins/plugins";

/** Modules of what runs a node's containers: each has versions of its own, so none is part of the workspace. */
export const RUNTIME_MODULES = ["toolchain/containerd", "toolchain/runc", "toolchain/cni", "toolchain/coredns"];
/** What is built from the tree itself. */
export const RUNTIME_SOURCES = ["toolchain/coredns/main.go"];

/** Without the snapshotters that this node does not use, one of which wants C headers. */
const containerd: Build = {
  packages: Object.fromEntries(
    ["containerd", "containerd-shim-runc-v2", "ctr"].map((name) => [name, `${CONTAINERD}/cmd/${name}`]),
  ),
  place: { module: "toolchain/containerd" },
  flags: ["-tags", "no_btrfs no_devmapper no_zfs"],
  firstTime: "2 minutes",
};

const cni: Build = {
  packages: {

    "host-local": `${PLUGINS}/ipam/host-local`,
    loopback: `${PLUGINS}/main/loopback`,
    ptp: `${PLUGINS}/main/ptp`,
    portmap: `${PLUGINS}/meta/portmap`,
  },
  place: { module: "toolchain/cni" },
  firstTime: "half a minute",
};

const coredns: Build = {
  packages: { coredns: "berth.dev/toolchain/coredns" },
  place: { module: "toolchain/coredns" },
  firstTime: "2 minutes",
};

/** Makes `bin` and `cni`: what runs and connects containers. */
export async function makeRuntime(draft: string, progress: Progress): Promise<void> {
  const bin = join(draft, "bin");
  await Promise.all([mkdir(bin), mkdir(join(draft, "cni"))]);
  const borrowed = await borrowPackages(join(draft, "debian"), progress);
  await addNft(borrowed, bin);
  await buildPrograms(await runc(borrowed), bin, progress);
  await buildPrograms(containerd, bin, progress);
  await buildPrograms(cni, join(draft, "cni"), progress);
  await buildPrograms(coredns, bin, progress);
}

/** Static, so that it starts in any root file system; with seccomp, which charts ask for (RuntimeDefault). */
async function runc(borrowed: string): Promise<Build> {
  return {
    packages: { runc: "github.com/opencontainers/runc" },
    place: { module: "toolchain/runc", env: { CGO_ENABLED: "1", ...(await seccompEnvironment(borrowed)) } },
    // The last -ldflags counts.
    flags: ["-tags", "seccomp netgo osusergo", "-ldflags", "-s -w -extldflags -static"],
    firstTime: "a minute",
  };
}
