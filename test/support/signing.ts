import assert from "node:assert/strict";
import { createHash, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
/** Media type of a list of manifests. */
export const INDEX = "application/vnd.oci.image.index.v1+json";
const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** A manifest or a blob as others refer to it. */
interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** What a bundle says of a manifest. */
export interface Statement {
  /** Signs another digest than that of the chart. */
  readonly digest?: string;
  /** Another kind of statement than a signature. */
  readonly predicateType?: string;
  /** Hash of the signature; SHA-256 where nothing is said. */
  readonly hash?: string | null;
}

/** Signs a version as `cosign sign --key` did before its version 3: a payload under a tag of the digest. */
export async function signByTag(repository: string, version: string, key: KeyObject): Promise<void> {
  const signed = await find(repository, version);
  const payload = JSON.stringify({
    critical: {
      identity: { "docker-reference": new URL(repository).host },
      image: { "docker-manifest-digest": signed.digest },
      type: "cosign container image signature",
    },
    optional: null,
  });
  const layer = await putBlob(repository, payload, "application/vnd.dev.cosign.simplesigning.v1+json");
  const signature = sign("sha256", Buffer.from(payload), key).toString("base64");
  await putManifest(repository, `${signed.digest.replace(":", "-")}.sig`, {
    mediaType: MANIFEST,
    config: await putBlob(repository, "{}", "application/vnd.oci.image.config.v1+json"),
    layers: [{ ...layer, annotations: { "dev.cosignproject.cosign/signature": signature } }],
  });
}

/**
 * Signs a version as `cosign sign --key` does since its version 3: a Sigstore
 * bundle that refers to the manifest, listed under a tag of the digest as
 * clients do it in a registry without the referrers API.
 */
export async function signByBundle(
  repository: string,
  version: string,
  key: KeyObject,
  { digest, predicateType = "https://sigstore.dev/cosign/sign/v1", hash = "sha256" }: Statement = {},
): Promise<void> {
  const signed = await find(repository, version);
  const statement = JSON.stringify({
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ digest: { sha256: (digest ?? signed.digest).replace("sha256:", "") } }],
    predicateType,
    predicate: {},
  });
  const type = "application/vnd.in-toto+json";
  const message = `DSSEv1 ${String(type.length)} ${type} ${String(statement.length)} ${statement}`;
  const bundle = JSON.stringify({
    mediaType: BUNDLE,
    verificationMaterial: { publicKey: { hint: "tests" } },
    dsseEnvelope: {
      payload: Buffer.from(statement).toString("base64"),
      payloadType: type,
      signatures: [{ sig: sign(hash, Buffer.from(message), key).toString("base64") }],
    },
  });
  const annotations = {
    "dev.sigstore.bundle.content": "dsse-envelope",
    "dev.sigstore.bundle.predicateType": predicateType,
  };
  const manifest = {
    mediaType: MANIFEST,
    artifactType: BUNDLE,
    config: await putBlob(repository, "{}", "application/vnd.oci.empty.v1+json"),
    layers: [await putBlob(repository, bundle, BUNDLE)],
    subject: signed,
    annotations,
  };
  const stored = await putManifest(repository, digestOf(textOf(manifest)), manifest);
  const tag = signed.digest.replace(":", "-");
  const before = await fetch(`${repository}/manifests/${tag}`, { headers: { accept: INDEX } });
  const manifests = before.ok ? ((await before.json()) as { manifests: unknown[] }).manifests : [];
  await putManifest(repository, tag, {
    mediaType: INDEX,
    manifests: [...manifests, { ...stored, artifactType: BUNDLE, annotations }],
  });
}

async function find(repository: string, version: string): Promise<Descriptor> {
  const head = await fetch(`${repository}/manifests/${version}`, { method: "HEAD", headers: { accept: MANIFEST } });
  const size = Number(head.headers.get("content-length"));
  return { mediaType: MANIFEST, digest: head.headers.get("docker-content-digest") ?? "", size };
}

async function putBlob(repository: string, content: string, mediaType: string): Promise<Descriptor> {
  const digest = digestOf(content);
  const upload = await fetch(`${repository}/blobs/uploads/`, { method: "POST" });
  const target = new URL(upload.headers.get("location") ?? "", repository);
  target.searchParams.set("digest", digest);
  const stored = await fetch(target, { method: "PUT", body: content });
  assert.equal(stored.status, 201);
  return { mediaType, digest, size: Buffer.byteLength(content) };
}

interface Manifest extends Record<string, unknown> {
  readonly mediaType: string;
}

async function putManifest(repository: string, reference: string, manifest: Manifest): Promise<Descriptor> {
  const { mediaType } = manifest;
  const body = textOf(manifest);
  const headers = { "content-type": mediaType };
  const stored = await fetch(`${repository}/manifests/${reference}`, { method: "PUT", headers, body });
  assert.equal(stored.status, 201, await stored.text());
  return { mediaType, digest: digestOf(body), size: Buffer.byteLength(body) };
}

function textOf(manifest: Manifest): string {
  return JSON.stringify({ schemaVersion: 2, ...manifest });
}

function digestOf(content: string): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}
