import { createHash } from "node:crypto";
import { access, copyFile, readdir, rm } from "node:fs/promises";
import { arch } from "node:process";
import { join } from "node:path";

import { cacheDirectory } from "../paths.ts";
import { runCommand } from "../process/command.ts";
import { silentProgress } from "../progress.ts";
import { makeOnce } from "../toolchain/once.ts";
import type { NodeToolchain } from "../toolchain/real-node.ts";
import { readArchive } from "./read-archive.ts";

/** Counts the ways in which stores were filled. */
const LAYOUT = "1";
/** With Envoy Gateway one takes 730 MB. */
const KEPT = 3;
/** What a store changes in place: all other files in it are only ever made and removed. */
const DATABASES = /^io\.containerd\.(metadata|snapshotter)\.v1\.\w+\/\w+\.db$/;

/** The platform whose images a node takes, as containerd names it. */
export const platform = `linux/${arch === "x64" ? "amd64" : arch}`;

/**
 * Gives a node that has none a store with all its images: links to one that is filled once for each set of images, as
 * taking them from their archives is most of a start. Where links cannot be made, the node is left to take its images.
 */
export async function furnishStore(toolchain: NodeToolchain, target: string): Promise<void> {
  const isThere = await access(target).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  const store = join(await ensureStore(toolchain), "store");
  try {
    await runCommand("cp", ["--archive", "--link", store, target]);
    for (const folder of await readdir(target)) {
      const names = (await readdir(join(target, folder))).map((name) => join(folder, name));
      for (const name of names.filter((path) => DATABASES.test(path))) {
        await rm(join(target, name));
        await copyFile(join(store, name), join(target, name));
      }
    }
  } catch {
    await rm(target, { recursive: true, force: true });
  }
}

async function ensureStore({ containerd, ctr, images }: NodeToolchain): Promise<string> {
  const archives = Object.values(images);
  const contents = await Promise.all(archives.map(readArchive));
  // The path of containerd names what it was built from.
  const key = createHash("sha256")
    .update(JSON.stringify([LAYOUT, containerd, contents]))
    .digest("hex")
    .slice(0, 20);
  return makeOnce({
    ...{ root: join(cacheDirectory(), "node-store"), key, progress: silentProgress, kept: KEPT },
    make: async (draft) => {
      const script = ["sh", join(import.meta.dirname, "fill-store.sh"), containerd, ctr];
      const spaces = ["--mount", "--propagation=private", "--pid", "--mount-proc", "--fork", "--kill-child", "--"];
      await runCommand("unshare", [...spaces, ...script, join(draft, "store"), platform, ...archives]);
    },
  });
}
