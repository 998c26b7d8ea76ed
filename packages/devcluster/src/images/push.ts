import { openAsBlob } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { extract } from "tar";

import { readArchive } from "./read-archive.ts";

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

/**
 * Pushes the image of an archive, as `writeImage` writes it, to a registry at a URL that asks nobody who comes (OCI
 * distribution specification, "Pushing a blob monolithically"). Repository and tag are those of the image's name.
 */
export async function pushImage(archive: string, registry: string): Promise<void> {
  const [image] = await readArchive(archive);
  const [, repository, tag] = /^[^/]+\/(.+):([^:/]+)$/.exec(image?.name ?? "") ?? [];
  if (image === undefined || repository === undefined || tag === undefined) {
    throw new Error(`${archive} names no image to push.`);
  }
  const layout = await mkdtemp(join(tmpdir(), "berth-push-"));
  try {
    await extract({ cwd: layout, file: archive });
    const blob = (digest: string) => join(layout, "blobs", digest.replace(":", "/"));
    const text = await readFile(blob(image.digest), "utf8");
    const { config, layers } = JSON.parse(text) as Manifest;
    const api = `${registry}/v2/${repository}`;
    for (const { digest } of [config, ...layers]) await pushBlob(api, digest, blob(digest));
    const headers = { "content-type": MANIFEST };
    expect(await fetch(`${api}/manifests/${tag}`, { method: "PUT", headers, body: text }), 201);
  } finally {
    await rm(layout, { recursive: true });
  }
}

async function pushBlob(api: string, digest: string, file: string): Promise<void> {
  const begun = expect(await fetch(`${api}/blobs/uploads/`, { method: "POST" }), 202);
  const place = new URL(begun.headers.get("location") ?? "", api);
  place.searchParams.set("digest", digest);
  const headers = { "content-type": "application/octet-stream" };
  expect(await fetch(place, { method: "PUT", headers, body: await openAsBlob(file) }), 201);
}

function expect(response: Response, status: number): Response {
  if (response.status === status) return response;
  throw new Error(`The registry answered ${response.status} to ${response.url}.`);
}
