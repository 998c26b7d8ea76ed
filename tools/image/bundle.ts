import { repository } from "@berth/devcluster";
import { build } from "esbuild";

/** Makes one file of the gateway and one of its worker. Gives the npm packages that are in them. */
export async function bundleServer(file: string, worker: string): Promise<readonly string[]> {
  const packages = [
    ...(await bundleProgram("packages/server/src/main.ts", file)),
    ...(await bundleProgram("packages/server/src/domain/releases/decode-worker.ts", worker)),
  ];
  return [...new Set(packages)];
}

/**
 * Makes one file of a program and all it imports. It is not made smaller: its functions keep their names in errors, and
 * beside Node it weighs little. Gives the npm packages that are in it.
 */
export async function bundleProgram(entry: string, file: string): Promise<readonly string[]> {
  const { metafile } = await build({
    absWorkingDir: repository,
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    metafile: true,
    platform: "node",
    target: "node24",
    format: "esm",
    // Packages that are CommonJS call it.
    banner: { js: 'import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);' },
    logLevel: "warning",
  });
  const folders = Object.keys(metafile.inputs).map((path) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}
