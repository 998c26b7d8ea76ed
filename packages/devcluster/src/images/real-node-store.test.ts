import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { ensureRealNode } from "../toolchain/real-node.ts";
import { whyNoRealNode } from "../world/needs.ts";
import { furnishStore } from "./store.ts";

const skip = whyNoRealNode()?.message ?? false;

test(
  "two nodes share the files of their images but no database, and a node's own store is left alone",
  { skip },
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "berth-store-"));
    try {
      const toolchain = await ensureRealNode();
      const place = (name: string) => join(directory, name);
      for (const name of ["one", "other"]) await furnishStore(toolchain, place(name));
      const inode = async (name: string, path: string) => (await stat(join(place(name), path))).ino;
      const files = (await readdir(place("one"), { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(place("one").length));
      const own = [];
      for (const file of files) if ((await inode("one", file)) !== (await inode("other", file))) own.push(file);
      assert.deepEqual(own.sort(), [
        "/io.containerd.metadata.v1.bolt/meta.db",
        "/io.containerd.snapshotter.v1.overlayfs/metadata.db",
      ]);
      assert.ok(
        files.some((file) => file.endsWith("/fs/agnhost")),
        "unpacked",
      );

      await mkdir(place("kept"));
      await furnishStore(toolchain, place("kept"));
      assert.deepEqual(await readdir(place("kept")), []);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
);
