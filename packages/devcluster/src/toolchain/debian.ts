import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { isOnPath, runCommand } from "../process/command.ts";
import type { Progress } from "../progress.ts";
import { SetupError } from "../setup-error.ts";
import { hasSeccomp } from "./c.ts";

/**
 * Unpacks Debian's packages of what this machine lacks, nftables and libseccomp, into a directory: nothing is
 * installed, and apt's own lists and caches stay as they are. Gives the directory.
 */
export async function borrowPackages(directory: string, progress: Progress): Promise<string> {
  await mkdir(directory);
  const wanted = [
    ...((await isOnPath("nft")) ? [] : ["nftables"]),
    ...((await hasSeccomp()) ? [] : ["libseccomp-dev"]),
  ];
  if (wanted.length === 0) return directory;
  if (!(await isOnPath("apt-get")) || !(await isOnPath("dpkg"))) {
    throw new SetupError(
      `A real node needs ${wanted.join(" and ")}, and this machine has no apt-get to fetch them with.`,
      "Install the programs nft and pkg-config, and the static library libseccomp with its headers.",
    );
  }
  await progress.run(`Unpacking Debian's packages of ${wanted.join(" and ")}`, () => unpackPackages(wanted, directory));
  return directory;
}

/** Unpacks Debian's packages into a directory, with those of their dependencies that this machine does not have. */
export async function unpackPackages(packages: readonly string[], directory: string): Promise<void> {
  const apt = join(directory, ".apt");
  const archives = join(apt, "cache/archives");
  await mkdir(join(apt, "lists"), { recursive: true });
  await mkdir(archives, { recursive: true });
  const own = ["-q", "-y", "-o", `Dir::State::lists=${apt}/lists`, "-o", `Dir::Cache=${apt}/cache`];
  await runCommand("apt-get", [...own, "update"]);
  // Nothing of the machine is written, so there is nothing to lock. What is missing comes with its own dependencies.
  const download = ["-o", "Debug::NoLocking=true", "--no-install-recommends", "--download-only", "install"];
  await runCommand("apt-get", [...own, ...download, ...packages]);
  for (const name of (await readdir(archives)).filter((entry) => entry.endsWith(".deb"))) {
    await runCommand("dpkg", ["-x", join(archives, name), directory]);
  }
  await rm(apt, { recursive: true });
}

/** Makes nft callable where it was borrowed: its libraries stand beside it. */
export async function addNft(borrowed: string, bin: string): Promise<void> {
  const [folder] = await libraries(borrowed, "libnftables.so.1");
  if (folder === undefined) return;
  const script = `#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/../debian
LD_LIBRARY_PATH=$root/${folder} exec "$root/usr/sbin/nft" "$@"
`;
  await writeFile(join(bin, "nft"), script);
  await chmod(join(bin, "nft"), 0o755);
}

/** Folders below a borrowed root that hold a library, relative to it. */
async function libraries(root: string, name: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true });
  return entries.filter((entry) => entry.endsWith(`/${name}`)).map((entry) => entry.slice(0, -name.length - 1));
}
