import { createHash } from "node:crypto";
import { access, mkdir, readFile, rename } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

import { goEnvironment, runCommand } from "./command.ts";

/** Staticcheck's binary, or what its build said. */
export type BuiltStaticcheck =
  | { readonly binary: string; readonly env: Readonly<Record<string, string>> }
  | { readonly binary: undefined; readonly text: string };

/**
 * Builds staticcheck once for each pinned version and Go release, into the
 * user's cache. It must be built by the Go that it reads code for.
 */
export async function ensureStaticcheck(root: string): Promise<BuiltStaticcheck> {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "berth", "lint");
  const module = join(root, "toolchain/lint");
  const { stdout: goVersion } = await runCommand("go", ["env", "GOVERSION"], { cwd: root });
  const sums = await readFile(join(module, "go.sum"));
  const key = createHash("sha256").update(goVersion).update(sums).digest("hex").slice(0, 16);
  const binary = join(cache, `staticcheck-${key}`);
  const env = { STATICCHECK_CACHE: join(cache, "results") };
  if (await exists(binary)) return { binary, env };
  await mkdir(cache, { recursive: true });
  // Two checks at once both build; the last rename wins, and both files are the same.
  const fresh = `${binary}.${process.pid}`;
  const build = await runCommand("go", ["build", "-o", fresh, "honnef.co/go/tools/cmd/staticcheck"], {
    cwd: module,
    env: goEnvironment("off"),
  });
  if (build.code !== 0) return { binary: undefined, text: build.stderr };
  await rename(fresh, binary);
  return { binary, env };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
