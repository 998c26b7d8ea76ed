import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { go } from "./go.ts";

/** Folders of KWOK's own stages: what its nodes, pods and volumes go through. */
const folders = ["node/fast", "node/heartbeat-with-lease", "pod/fast", "volume/fast"];
const own = join(import.meta.dirname, "../../stages");

/** Writes KWOK's stages and ours into one file for `kwok --config`. They come from its module, never from the tree. */
export async function writeStages(file: string): Promise<void> {
  await go(["mod", "download", "sigs.k8s.io/kwok"]);
  const module = await go(["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"]);
  const documents: string[] = [];
  for (const folder of [...folders.map((name) => join(module, "kustomize/stage", name)), own]) {
    for (const name of (await readdir(folder)).filter((entry) => entry.endsWith(".yaml")).sort()) {
      const text = await readFile(join(folder, name), "utf8");
      if (/^kind: Stage$/m.test(text)) documents.push(text.trim());
    }
  }
  await writeFile(file, `${documents.join("\n---\n")}\n`);
}
