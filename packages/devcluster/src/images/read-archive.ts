import { list } from "tar";

/** What an OCI archive says it holds. */
export interface ArchivedImage {
  readonly name: string;
  /** Digest of its manifest: another image has another one. */
  readonly digest: string;
}

interface Index {
  readonly manifests: readonly {
    readonly digest: string;
    readonly annotations?: Readonly<Record<string, string>>;
  }[];
}

/** Reads which images an archive holds, as `writeImage` writes them. */
export async function readArchive(file: string): Promise<ArchivedImage[]> {
  const pieces: Buffer[] = [];
  await list({
    file,
    filter: (path) => path === "index.json",
    onReadEntry: (entry) => entry.on("data", (piece: Buffer) => pieces.push(piece)),
  });
  const { manifests } = JSON.parse(Buffer.concat(pieces).toString()) as Index;
  return manifests.map(({ digest, annotations }) => ({
    digest,
    name: annotations?.["io.containerd.image.name"] ?? "",
  }));
}
