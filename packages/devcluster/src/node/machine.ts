import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { runCommand } from "../process/command.ts";

/** What a real node must leave as it was. */
export interface Machine {
  readonly mounts: readonly string[];
  readonly cgroups: readonly string[];
  /** Setting to value. */
  readonly sysctls: Readonly<Record<string, string>>;
  readonly links: readonly string[];
  readonly networks: readonly string[];
  readonly rules: string;
  /** Names in the folders that containers' programs like to use. */
  readonly files: readonly string[];
}

/** Counters that the kernel keeps for everybody. */
const LIVELY =
  /^(kernel\/(random\/|ns_last_pid|pty\/nr)|fs\/(dentry-state|file-nr|inode-|aio-nr|quota\/)|net\/netfilter\/nf_conntrack_count|vm\/stat_refresh)/;
const FOLDERS = ["/", "/etc", "/etc/cni", "/opt", "/run", "/run/netns", "/usr/libexec", "/var/lib", "/var/log"];

/** Looks at the machine; `nft` lists its packet rules. */
export async function lookAtMachine(nft: string): Promise<Machine> {
  const mounts = await readFile("/proc/self/mountinfo", "utf8");
  return {
    mounts: mounts.trim().split("\n"),
    cgroups: await foldersBelow("/sys/fs/cgroup"),
    sysctls: await readSettings("/proc/sys", ""),
    links: await readdir("/sys/class/net"),
    networks: (await runCommand("lsns", ["--type", "net", "--noheadings", "--output", "NS"])).trim().split("\n").sort(),
    rules: await runCommand(nft, ["list", "ruleset"]),
    files: (await Promise.all(FOLDERS.map(namesIn))).flat(),
  };
}

async function foldersBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.map((name) => join(folder, name)).sort();
}

async function readSettings(root: string, path: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(join(root, path), { withFileTypes: true })) {
    const name = join(path, entry.name);
    if (LIVELY.test(name)) continue;
    if (entry.isDirectory()) Object.assign(found, await readSettings(root, name));
    // Some may only be written.
    else found[name] = await readFile(join(root, name), "utf8").catch(() => "");
  }
  return found;
}
