import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { npmCi } from "./npm.mjs";
import { nodePackage, repository } from "./paths.mjs";
import { SetupProblem } from "./setup-problem.mjs";

/** Gives the path of the pinned Node, and installs it where it is not there yet. */
export async function ensurePinnedNode() {
  const { optionalDependencies } = JSON.parse(readFileSync(join(nodePackage, "package.json"), "utf8"));
  const name = `node-${process.platform}-${process.arch}`;
  const version = optionalDependencies[name];
  if (version === undefined) return runningNode(name, Object.values(optionalDependencies)[0]);
  // One that an older checkout has installed here goes with the next `npm ci`.
  const isLent = process.execPath.startsWith(join(repository, "node_modules"));
  if (process.versions.node === version && !isLent) return process.execPath;
  const binary = join(nodePackage, "node_modules", name, "bin/node");
  if (versionOf(binary) !== version) {
    console.error(`Installing Node ${version} for Berth's own use …`);
    await npmCi(process.execPath, nodePackage);
  }
  const found = versionOf(binary);
  if (found === version) return binary;
  throw new SetupProblem(
    `Node ${version} was installed in ${binary}, but does not run there${found === "" ? "" : ` (it is ${found})`}.`,
    `Install Node ${version} yourself and run the command with it: https://nodejs.org/`,
  );
}

/**
 * Gives the path of the pinned Node as it came from its package, whatever Node runs: what goes into an image is the
 * same on each machine.
 */
export async function packagedNode() {
  const name = `node-linux-${process.arch}`;
  const binary = join(nodePackage, "node_modules", name, "bin/node");
  const { optionalDependencies } = JSON.parse(readFileSync(join(nodePackage, "package.json"), "utf8"));
  const version = optionalDependencies[name];
  if (version !== undefined && versionOf(binary) !== version) await npmCi(process.execPath, nodePackage);
  if (version !== undefined && versionOf(binary) === version) return { binary, version };
  throw new SetupProblem(`There is no Node for an image of linux/${process.arch}.`, "Use a Linux machine.");
}

function runningNode(name, version) {
  if (Number(process.versions.node.split(".")[0]) >= Number(version.split(".")[0])) return process.execPath;
  throw new SetupProblem(
    `npm has no package ${name} to bring Node ${version} to this machine, and this is Node ${process.versions.node}.`,
    `Install Node ${version} or newer yourself: https://nodejs.org/`,
  );
}

function versionOf(binary) {
  if (!existsSync(binary)) return "";
  const { stdout } = spawnSync(binary, ["--version"], { encoding: "utf8" });
  return (stdout ?? "").trim().slice(1);
}
