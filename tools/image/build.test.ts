import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { silentProgress } from "@berth/devcluster";

import { runCommand } from "../../packages/devcluster/src/process/command.ts";
import { buildBerthImage, digestOf } from "./build.ts";
import { LIBRARIES } from "./packages.ts";

const directory = await mkdtemp(join(tmpdir(), "berth-image-test-"));
after(() => rm(directory, { recursive: true }));

/** Writes the image and gives its path. */
async function build(file: string): Promise<string> {
  const options = { name: "registry.local/berth:1.2.3", version: "1.2.3", engine: process.env.BERTH_ENGINE };
  await buildBerthImage({ ...options, file: join(directory, file), progress: silentProgress });
  return join(directory, file);
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(join(directory, path), "utf8"));
}

test("the image is nobody's, has what Node is linked with, and is the same each time", async () => {
  const [first, second] = [await build("a.tar"), await build("b.tar")];
  assert.equal(await digestOf(first), await digestOf(second));

  for (const folder of ["layout", "root"]) await mkdir(join(directory, folder));
  await runCommand("tar", ["xf", first, "-C", join(directory, "layout")]);
  const blob = (digest: string) => join("layout/blobs", digest.replace(":", "/"));
  const index = (await readJson("layout/index.json")) as { manifests: [{ digest: string }] };
  const manifest = (await readJson(blob(index.manifests[0].digest))) as {
    readonly config: { readonly digest: string };
    readonly layers: readonly { readonly digest: string }[];
  };
  const { config } = (await readJson(blob(manifest.config.digest))) as {
    readonly config: { readonly User: string; readonly Labels: Record<string, string>; readonly Entrypoint: string[] };
  };
  assert.deepEqual([config.User, config.Labels["org.opencontainers.image.version"]], ["65532:65532", "1.2.3"]);
  for (const { digest } of manifest.layers) {
    await runCommand("tar", ["xf", join(directory, blob(digest)), "-C", join(directory, "root")]);
  }

  const root = join(directory, "root");
  assert.deepEqual(
    (await readdir(root)).sort().filter((name) => !name.startsWith("lib")),
    ["berth", "etc", "usr", "var"],
  );
  assert.deepEqual((await readdir(join(root, "berth/docs-assets"))).sort(), ["swagger-ui-bundle.js", "swagger-ui.css"]);
  const linked = await runCommand("ldd", [join(root, "usr/bin/node")]);
  const wanted = [...linked.matchAll(/^\s*(lib\S+) =>/gm)].map(([, name = ""]) => name);
  const missing = wanted.filter((name) => !(LIBRARIES as readonly string[]).includes(name));
  assert.ok(wanted.length > 0);
  assert.deepEqual(missing, [], "every library is in the image");
  const certificates = await readFile(join(root, "etc/ssl/certs/ca-certificates.crt"), "utf8");
  assert.ok(certificates.split("BEGIN CERTIFICATE").length > 100);
});
