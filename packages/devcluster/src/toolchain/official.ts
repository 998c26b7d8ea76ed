import { chmod, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import type { Progress } from "../progress.ts";
import { answers, downloadVerified } from "./download.ts";
import type { Release, ReleaseFile } from "./releases.ts";
import { unpackMember } from "./unpack.ts";

/** Whoever cannot be reached in two seconds would make a slow download too: building is the better wait. */
const REACH = 2_000;

/** Gives those releases whose site answers; all are asked at the same time. */
export async function keepReachable(releases: readonly Release[]): Promise<Release[]> {
  const reached = await Promise.all(releases.map(({ files }) => answers(files[0].checksumUrl, REACH)));
  return releases.filter((_release, index) => reached[index]);
}

/** Fetches a release's programs into a directory, all of them or none, and gives their names. */
export async function downloadRelease(release: Release, directory: string, progress: Progress): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const draft = await mkdtemp(join(directory, ".download-"));
  try {
    for (const file of release.files) {
      await progress.run(`Downloading ${file.program} v${release.version}`, () => downloadProgram(file, draft));
    }
    const names = release.files.map(({ program }) => program);
    for (const name of names) await rename(join(draft, name), join(directory, name));
    return names;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function downloadProgram({ program, url, checksumUrl, member }: ReleaseFile, directory: string): Promise<void> {
  const target = join(directory, member === undefined ? program : `${program}.tar.gz`);
  await downloadVerified({ url, checksumUrl, target });
  if (member !== undefined) await unpackMember(target, member);
  await chmod(join(directory, program), 0o755);
}
