import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, link, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { arch } from "node:process";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";

import { create } from "tar";

/** A container image made from files. */
export interface ImageSpec {
  /** Full reference, such as `registry.local/pause:v1`. */
  readonly name: string;
  /** Path of the archive to write. */
  readonly file: string;
  /** Path inside the image to the file that goes there, with its mode. */
  readonly files: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  /** Root unless given. */
  readonly user?: string;
}

/** What refers to a blob. */
interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const OCI = "application/vnd.oci.image";
/** The same files make the same image, whenever that is. */
const EPOCH = new Date(0);

/** Writes an image of one uncompressed layer as an OCI archive (OCI image layout in a tar file), as `ctr` imports it. */
export async function writeImage(image: ImageSpec): Promise<void> {
  const draft = await mkdtemp(`${image.file}.draft-`);
  try {
    const layout = join(draft, "layout");
    await mkdir(join(layout, "blobs/sha256"), { recursive: true });
    const layer = await addLayer(layout, join(draft, "root"), image.files);
    const config = await addJson(layout, `${OCI}.config.v1+json`, configOf(image, layer.digest));
    const manifest = await addJson(layout, `${OCI}.manifest.v1+json`, { schemaVersion: 2, config, layers: [layer] });
    const annotations = { "io.containerd.image.name": image.name };
    const index = { schemaVersion: 2, manifests: [{ ...manifest, platform: platformHere(), annotations }] };
    await writeFile(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
    await writeFile(join(layout, "index.json"), JSON.stringify(index));
    await create({ cwd: layout, file: image.file, portable: true, mtime: EPOCH }, [
      "oci-layout",
      "index.json",
      "blobs",
    ]);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function addLayer(layout: string, root: string, files: ImageSpec["files"]): Promise<Descriptor> {
  for (const [path, source] of Object.entries(files)) {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    // Most files are on the same file system as the draft; a link costs nothing.
    await link(source, target).catch(() => copyFile(source, target));
  }
  const draft = join(root, "../layer.tar");
  await create({ cwd: root, file: draft, portable: true, mtime: EPOCH }, ["."]);
  const sum = createHash("sha256");
  await pipeline(createReadStream(draft), sum);
  const digest = sum.digest("hex");
  await link(draft, join(layout, "blobs/sha256", digest));
  const { size } = await stat(draft);
  return { mediaType: `${OCI}.layer.v1.tar`, digest: `sha256:${digest}`, size };
}

async function addJson(layout: string, mediaType: string, content: unknown): Promise<Descriptor> {
  const text = JSON.stringify(content);
  const digest = createHash("sha256").update(text).digest("hex");
  await writeFile(join(layout, "blobs/sha256", digest), text);
  return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) };
}

function configOf({ entrypoint, args = [], env = [], user = "" }: ImageSpec, layer: string) {
  return {
    ...platformHere(),
    config: { Entrypoint: entrypoint, Cmd: args, Env: ["PATH=/", ...env], User: user, WorkingDir: "/" },
    // The layer is not compressed, so its digest is that of its content.
    rootfs: { type: "layers", diff_ids: [layer] },
  };
}

function platformHere() {
  return { os: "linux", architecture: arch === "x64" ? "amd64" : arch };
}
