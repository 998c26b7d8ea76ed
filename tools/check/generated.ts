import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { outcomeOf } from "./check.ts";
import type { Check } from "./check.ts";
import { COMMENTS, readComments } from "../generate/comments.ts";
import { checkCommand, runCommand } from "./command.ts";

/** Each template of buf with the folder it fills. */
const TEMPLATES = [
  { template: "buf.gen.yaml", folder: "packages/contract/src/gen" },
  { template: "buf.gen.engine.yaml", folder: "engine/gen" },
] as const;

/** What stands in a second place because it has to: a chart has its files in its own folder. */
export const COPIES = [{ from: "packages/kube/crds", to: "charts/berth/files/crds" }] as const;

/** The generators' own modules are not part of the workspace. */
const ENV = { GOWORK: "off" };

/** The definitions keep buf's rules. */
export const protoLint: Check = {
  name: "proto-lint",
  run: (root) => checkCommand("buf", ["lint"], { cwd: root, env: ENV }),
};

/** The generated code in the tree is what the generators make of `proto/` today. */
export const generated: Check = {
  name: "generated",
  async run(root) {
    const fresh = await mkdtemp(join(tmpdir(), "berth-generated-"));
    try {
      const complaints: string[] = [];
      for (const { template, folder } of TEMPLATES) {
        const args = ["generate", "--template", template, "--output", fresh];
        const { code, stderr } = await runCommand("buf", args, { cwd: root, env: ENV });
        if (code !== 0) return { state: "failed", text: `${template}: ${stderr}` };
        complaints.push(...(await compareFolders(join(root, folder), join(fresh, folder), folder)));
      }
      if ((await readFile(join(root, COMMENTS), "utf8")) !== (await readComments(root))) {
        complaints.push(`${COMMENTS} is out of date`);
      }
      for (const { from, to } of COPIES)
        complaints.push(...(await compareFolders(join(root, to), join(root, from), to)));
      return outcomeOf(complaints.map((complaint) => `${complaint}; run npm run generate`));
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  },
};

/** Names the files in which two folders differ, each under `label`. */
export async function compareFolders(ours: string, fresh: string, label: string): Promise<string[]> {
  const [before, after] = await Promise.all([readTree(ours), readTree(fresh)]);
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((name) => {
    if (!after.has(name)) return [`${label}/${name} is not generated`];
    if (!before.has(name)) return [`${label}/${name} is missing`];
    return before.get(name) === after.get(name) ? [] : [`${label}/${name} is out of date`];
  });
}

async function readTree(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = files.map(async (file) => [file.slice(folder.length + 1), await readFile(file, "utf8")] as const);
  return new Map(await Promise.all(read));
}
