import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ensureEngine, repository } from "@berth/devcluster";
import type { Progress } from "@berth/devcluster";

import { runCommand } from "../../packages/devcluster/src/process/command.ts";
import { writeImage } from "../../packages/devcluster/src/images/archive.ts";
import { assetFolder, ASSETS } from "../../packages/server/src/edges/openapi/plugin.ts";
import { packagedNode } from "../bootstrap/pinned-node.mjs";
import { bundleServer } from "./bundle.ts";
import { nodeLibraries } from "./libraries.ts";

/** Who Berth is in its image: nobody whom the machine knows. */
const USER = 65_532;

/** Small files that programs look for. */
const ETC = {
  passwd: `root:x:0:0:root:/:/sbin/nologin\nberth:x:${USER}:${USER}:Berth:/tmp:/sbin/nologin\n`,
  group: `root:x:0:\nberth:x:${USER}:\n`,
  "nsswitch.conf": "hosts: files dns\n",
};

/** What an image of Berth is made of. */
export interface BerthImage {
  /** Full reference, such as registry.example.com/berth:0.1.0. */
  readonly name: string;
  /** Path of the OCI archive to write. */
  readonly file: string;
  /** The version that its label says. */
  readonly version: string;
  /** Where the engine's binary is; built where absent. */
  readonly engine?: string | undefined;
  readonly progress: Progress;
}

/** Writes Berth's image: Node and its libraries in one layer, the engine and the gateway above. */
export async function buildBerthImage({ name, file, version, progress, ...given }: BerthImage): Promise<void> {
  const engine = given.engine ?? (await ensureEngine({ progress }));
  const libraries = await nodeLibraries(progress);
  const node = await packagedNode();
  const draft = await mkdtemp(join(tmpdir(), "berth-image-"));
  try {
    await progress.run("Writing Berth's image", async () => {
      const text = async (path: string, content: string) => {
        const target = join(draft, path.replaceAll("/", "_"));
        await writeFile(target, content, { mode: 0o644 });
        return { [path]: target };
      };
      const bundle = join(draft, "bundle.mjs");
      const worker = join(draft, "decode-worker.mjs");
      const packages = [...(await bundleServer(bundle, worker)), "node_modules/swagger-ui-dist"].sort();
      const base = {
        "usr/bin/node": node.binary,
        ...libraries,
        ...(await text("etc/ssl/certs/ca-certificates.crt", await rootCertificates(node.binary))),
      };
      for (const [path, content] of Object.entries(ETC)) Object.assign(base, await text(`etc/${path}`, content));
      const files = {
        "berth/main.mjs": bundle,
        "berth/decode-worker.mjs": worker,
        "berth/berth-engine": engine,
        ...docsAssets(),
        "usr/share/licenses/berth/LICENSE": join(repository, "LICENSE"),
        ...(await text("usr/share/licenses/berth/npm.txt", await licences(packages))),
      };
      const entrypoint = ["/usr/bin/node", "--max-semi-space-size=4", "--optimize-for-size", "/berth/main.mjs"];
      const env = ["BERTH_ENGINE=/berth/berth-engine", "NODE_ENV=production", "PATH=/usr/bin"];
      const labels = await labelsOf(version, node.version);
      await writeImage({ name, file, base, files, entrypoint, env, labels, user: `${USER}:${USER}` });
    });
  } finally {
    await rm(draft, { recursive: true });
  }
}

/** The page of the reference, beside the bundle. */
function docsAssets(): Record<string, string> {
  const folder = assetFolder();
  return Object.fromEntries(Object.keys(ASSETS).map((name) => [`berth/docs-assets/${name}`, join(folder, name)]));
}

/** Mozilla's roots as the pinned Node brings them: gateway and engine believe the same. */
async function rootCertificates(node: string): Promise<string> {
  return runCommand(node, ["-p", "require('node:tls').rootCertificates.join('\\n')"], { env: {} });
}

/** The licences of the packages that are part of the bundle. */
async function licences(folders: readonly string[]): Promise<string> {
  const texts: string[] = [];
  for (const folder of folders) {
    const names = (await readdir(join(repository, folder))).filter((name) => /^(licen[cs]e|notice)/i.test(name)).sort();
    for (const name of names)
      texts.push(`== ${folder}/${name}\n\n${await readFile(join(repository, folder, name), "utf8")}`);
  }
  return texts.join("\n");
}

async function labelsOf(version: string, node: string): Promise<Record<string, string>> {
  const label = (name: string) => `org.opencontainers.image.${name}`;
  const git = (...args: string[]) => runCommand("git", ["-C", repository, ...args]).catch(() => "");
  const isClean = (await git("status", "--porcelain", "--untracked-files=no")) === "";
  const revision = (await git("rev-parse", "HEAD")).trim();
  return {
    [label("title")]: "Berth",
    [label("description")]: "Helm as a service and Expose as a service for Kubernetes",
    [label("licenses")]: "Apache-2.0",
    [label("version")]: version,
    // What was built from changed sources is of no revision.
    ...(isClean && revision !== "" ? { [label("revision")]: revision } : {}),
    "dev.berth.node": node,
  };
}

/** SHA-256 of an archive, in hexadecimal. */
export async function digestOf(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}
