import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { isOnPath, runCommand } from "../process/command.ts";
import { SetupError } from "../setup-error.ts";
import { go } from "./go.ts";
import { versions } from "./versions.ts";

const HINT = "Install a C compiler, its static C library and pkg-config (Debian: gcc libc6-dev pkg-config).";

/** Whether this machine has libseccomp to link with. */
export async function hasSeccomp(): Promise<boolean> {
  return runCommand("pkg-config", ["--static", "--exists", "libseccomp"]).then(
    () => true,
    () => false,
  );
}

/** What the build of runc finds libseccomp by, where it was borrowed. */
export async function seccompEnvironment(borrowed: string): Promise<Readonly<Record<string, string>>> {
  for (const program of ["gcc", "pkg-config"]) {
    if (!(await isOnPath(program))) throw new SetupError(`runc cannot be built without ${program}.`, HINT);
  }
  const description = "/pkgconfig/libseccomp.pc";
  const found = (await readdir(borrowed, { recursive: true })).find((entry) => entry.endsWith(description));
  if (found === undefined) return {};
  const folder = join(borrowed, found, "../..");
  return {
    PKG_CONFIG_SYSROOT_DIR: borrowed,
    PKG_CONFIG_PATH: join(folder, "pkgconfig"),
    // Go's cache remembers what pkg-config said, but not that it was another folder. This it tells apart.
    CGO_LDFLAGS: `-L${folder}`,
  };
}

/** Builds Kubernetes' own pause program into a directory and gives its path. */
export async function buildPause(directory: string): Promise<string> {
  const module = await go(["list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes"]);
  const target = join(directory, "pause");
  const args = ["-Os", "-static", `-DVERSION=v${versions.kubernetes}`, "-o", target];
  await runCommand("gcc", [...args, join(module, "build/pause/linux/pause.c")]).catch((cause: unknown) => {
    throw new SetupError("Kubernetes' pause program cannot be compiled.", HINT, { cause });
  });
  await runCommand("strip", [target]);
  return target;
}
