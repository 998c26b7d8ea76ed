import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { arch, platform } from "node:process";
import { join } from "node:path";

import { repository } from "../paths.ts";
import { go } from "./go.ts";
import { buildFlags } from "./versions.ts";

const modules = ["engine", "toolchain/etcd", "toolchain/helm", "toolchain/kubernetes", "toolchain/kwok"];
const LENGTH = 20;

/**
 * Names what the toolchain is built from: modules, flags, compiler, machine. `go.work.sum` stays out: go writes it
 * itself, and it chooses no version.
 */
export async function toolchainFingerprint(): Promise<string> {
  const files = ["go.work", ...modules.flatMap((module) => [`${module}/go.mod`, `${module}/go.sum`])];
  return hash([await go(["env", "GOVERSION"]), platform, arch, ...buildFlags], files);
}

/** Names what modules outside of the workspace are built from, with whatever other files and words tell them apart. */
export async function moduleFingerprint(
  modules: readonly string[],
  files: readonly string[] = [],
  words: readonly string[] = [],
): Promise<string> {
  const sources = modules.flatMap((module) => [`${module}/go.mod`, `${module}/go.sum`]);
  return hash([await go(["env", "GOVERSION"]), platform, arch, ...buildFlags, ...words], [...sources, ...files]);
}

/** Names what the engine is built from: its sources and whatever the toolchain is built from. */
export async function engineFingerprint(): Promise<string> {
  const entries = await readdir(join(repository, "engine"), { recursive: true, withFileTypes: true });
  const sources = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith("_test.go"))
    .map((entry) => join(entry.parentPath, entry.name).slice(repository.length + 1))
    .sort();
  return hash([await toolchainFingerprint()], sources);
}

async function hash(words: readonly string[], files: readonly string[]): Promise<string> {
  const sum = createHash("sha256").update(JSON.stringify(words));
  for (const file of files) {
    const content = await readFile(join(repository, file));
    sum.update(JSON.stringify([file, content.length])).update(content);
  }
  return sum.digest("hex").slice(0, LENGTH);
}
