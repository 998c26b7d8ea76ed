import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Stats } from "node:fs";
import { copyFile, link, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
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
  /** Files of a layer of its own below: what stays the same when the others change. */
  readonly base?: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  /** Root unless given. */
  readonly user?: string;
  readonly labels?: Readonly<Record<string, string>>;
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

/** Writes an image of uncompressed layers as an OCI archive (OCI image layout in a tar file), as `ctr` imports it. */
export async function writeImage(image: ImageSpec): Promise<void> {
  const draft = await mkdtemp(`${image.file}.draft-`);
  try {
    const layout = join(draft, "layout");
    await mkdir(join(layout, "blobs/sha256"), { recursive: true });
    const layers: Descriptor[] = [];
    for (const files of image.base === undefined ? [image.files] : [image.base, image.files]) {
      layers.push(await addLayer(layout, join(draft, `layer-${String(layers.length)}`), files));
    }
    const digests = layers.map(({ digest }) => digest);
    const config = await addJson(layout, `${OCI}.config.v1+json`, configOf(image, digests));
    const manifest = await addJson(layout, `${OCI}.manifest.v1+json`, { schemaVersion: 2, config, layers });
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
  const draft = `${root}.tar`;
  // Neither the order of a directory nor how the sources may be read on this machine is part of the image.
  const paths = (await readdir(root, { recursive: true })).sort();
  const options = { portable: true, mtime: EPOCH, noDirRecurse: true, onWriteEntry: setMode };
  await create({ cwd: root, file: draft, ...options }, paths);
  const sum = createHash("sha256");
  await pipeline(createReadStream(draft), sum);
  const digest = sum.digest("hex");
  await link(draft, join(layout, "blobs/sha256", digest));
  const { size } = await stat(draft);
  return { mediaType: `${OCI}.layer.v1.tar`, digest: `sha256:${digest}`, size };
}

function setMode({ stat }: { readonly stat?: Stats }): void {
  if (stat !== undefined) stat.mode = (stat.mode & ~0o7777) | ((stat.mode & 0o100) === 0 ? 0o644 : 0o755);
}

async function addJson(layout: string, mediaType: string, content: unknown): Promise<Descriptor> {
  const text = JSON.stringify(content);
  const digest = createHash("sha256").update(text).digest("hex");
  await writeFile(join(layout, "blobs/sha256", digest), text);
  return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) };
}

function configOf({ entrypoint, args = [], env = [], user = "", labels }: ImageSpec, layers: readonly string[]) {
  const config = { Entrypoint: entrypoint, Cmd: args, Env: ["PATH=/", ...env], User: user, WorkingDir: "/" };
  return {
    ...platformHere(),
    config: { ...config, ...(labels === undefined ? {} : { Labels: labels }) },
    // Layers are not compressed, so their digests are those of their content.
    rootfs: { type: "layers", diff_ids: layers },
  };
}

function platformHere() {
  return { os: "linux", architecture: arch === "x64" ? "amd64" : arch };
}
