import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";

import { cacheDirectory, SetupError } from "@berth/devcluster";
import type { Progress } from "@berth/devcluster";

import { runCommand } from "../../packages/devcluster/src/process/command.ts";
import { makeOnce } from "../../packages/devcluster/src/toolchain/once.ts";
import { LIBRARIES, PACKAGES, PLATFORMS, SOURCES } from "./packages.ts";

/**
 * Gives the libraries that Node needs, as paths in the image to files: out of Debian's packages, each checked by its
 * SHA-256 and unpacked into the cache. Nothing is installed.
 */
export async function nodeLibraries(progress: Progress): Promise<Record<string, string>> {
  const platform = PLATFORMS[process.arch];
  if (platform === undefined || process.platform !== "linux") {
    throw new SetupError(
      `Berth's image cannot be made on ${process.platform}/${process.arch}.`,
      "Use Linux on x64 or arm64.",
    );
  }
  const pins = JSON.stringify([PACKAGES, process.arch]);
  const root = await makeOnce({
    root: join(cacheDirectory(), "image-libraries"),
    key: createHash("sha256").update(pins).digest("hex").slice(0, 20),
    progress,
    make: (draft) => progress.run("Unpacking Debian's libraries for Node", () => unpack(draft, platform.debian)),
  });
  const real = async (path: string) => realpath(join(root, path));
  const files: Record<string, string> = {
    [platform.loader]: await real(join(platform.folder, basename(platform.loader))),
  };
  for (const name of LIBRARIES) files[join(platform.folder, name)] = await real(join(platform.folder, name));
  for (const name of Object.keys(PACKAGES)) {
    // So that scanners see what is there, as in other images without a package manager.
    files[`var/lib/dpkg/status.d/${name}`] = join(root, "status", name);
    const copyright = `usr/share/doc/${name}/copyright`;
    // That of some is another one's, which is here too.
    const isOwn = (await real(`usr/share/doc/${name}`)).endsWith(`/${name}`);
    if (isOwn) files[copyright] = await real(copyright);
  }
  return files;
}

async function unpack(directory: string, architecture: string): Promise<void> {
  const archives = join(directory, ".archives");
  await mkdir(archives);
  await download(archives, architecture);
  await mkdir(join(directory, "status"));
  for (const [name, { version, sha256 }] of Object.entries(PACKAGES)) {
    const file = (await readdir(archives)).find((entry) => entry.startsWith(`${name}_`)) ?? "";
    const found = createHash("sha256")
      .update(await readFile(join(archives, file)))
      .digest("hex");
    if (found !== sha256[architecture]) {
      throw new SetupError(`${name} ${version} is not the package that is pinned.`, "Its source was tampered with.");
    }
    await runCommand("dpkg-deb", ["-x", join(archives, file), directory]);
    const status = await runCommand("dpkg-deb", ["-f", join(archives, file)]);
    await writeFile(join(directory, "status", name), status);
  }
  await rm(archives, { recursive: true });
}

/** Fetches the pinned packages with apt's own client and lists of our own; the machine's stay as they are. */
async function download(archives: string, architecture: string): Promise<void> {
  const apt = join(archives, ".apt");
  await mkdir(join(apt, "lists/partial"), { recursive: true });
  await mkdir(join(apt, "cache/archives/partial"), { recursive: true });
  const own = [
    ...["-q", "-y", "-o", `APT::Architecture=${architecture}`, "-o", `Dir::State::lists=${apt}/lists`],
    ...["-o", `Dir::Cache=${apt}/cache`, "-o", `Dir::Etc::sourcelist=${apt}/sources.list`],
    ...["-o", "Dir::Etc::sourceparts=/dev/null", "-o", "Dir::State::status=/dev/null", "-o", "Debug::NoLocking=true"],
    // Whom the packages came from does not matter: their sums are pinned.
    ...["-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none"],
  ];
  const wanted = Object.entries(PACKAGES).map(([name, { version }]) => `${name}=${version}`);
  const failures: unknown[] = [];
  for (const source of SOURCES) {
    try {
      await writeFile(join(apt, "sources.list"), `${source}\n`);
      await runCommand("apt-get", [...own, "update"], { cwd: archives });
      await runCommand("apt-get", [...own, "download", ...wanted], { cwd: archives });
      return;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new SetupError(
    `The packages ${wanted.join(", ")} cannot be fetched from Debian.`,
    "Check that apt-get is there and reaches Debian; where they are gone, renew the pins in tools/image/packages.ts.",
    { cause: new AggregateError(failures) },
  );
}
