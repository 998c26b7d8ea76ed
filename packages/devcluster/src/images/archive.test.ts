import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { extract } from "tar";

import { writeImage } from "./archive.ts";

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "berth-image-"));
});
after(() => rm(directory, { recursive: true }));

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

test("an image has its files, its command and its name, and the same files make the same archive", async () => {
  await writeFile(join(directory, "program"), "run me", { mode: 0o755 });
  const files = { "usr/bin/program": join(directory, "program") };
  const archive = (name: string) => join(directory, name);
  const image = { name: "registry.local/one:1", files, entrypoint: ["/usr/bin/program"], args: ["now"], user: "1000" };
  await writeImage({ ...image, file: archive("a.tar") });
  await writeImage({ ...image, file: archive("b.tar") });
  assert.deepEqual(await readFile(archive("a.tar")), await readFile(archive("b.tar")));
  assert.deepEqual((await readdir(directory)).sort(), ["a.tar", "b.tar", "program"], "no drafts are left");

  const layout = join(directory, "layout");
  await mkdir(layout);
  await extract({ cwd: layout, file: archive("a.tar") });
  const read = async (digest: string) => {
    const content = await readFile(join(layout, "blobs", digest.replace(":", "/")));
    assert.equal(`sha256:${createHash("sha256").update(content).digest("hex")}`, digest);
    return content;
  };
  const index = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as {
    manifests: [{ digest: string; annotations: Record<string, string> }];
  };
  assert.equal(index.manifests[0].annotations["io.containerd.image.name"], "registry.local/one:1");
  const manifest = JSON.parse((await read(index.manifests[0].digest)).toString()) as Manifest;
  const config = JSON.parse((await read(manifest.config.digest)).toString()) as Record<string, unknown>;
  assert.deepEqual(config.config, {
    ...{ Entrypoint: ["/usr/bin/program"], Cmd: ["now"], Env: ["PATH=/"], User: "1000", WorkingDir: "/" },
  });
  const [layer] = manifest.layers;
  assert.ok(layer !== undefined);
  assert.deepEqual(config.rootfs, { type: "layers", diff_ids: [layer.digest] });
  const root = join(directory, "root");
  await mkdir(root);
  await writeFile(join(directory, "layer.tar"), await read(layer.digest));
  await extract({ cwd: root, file: join(directory, "layer.tar") });
  assert.equal(await readFile(join(root, "usr/bin/program"), "utf8"), "run me");
});
