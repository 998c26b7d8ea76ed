import { chmod, mkdir } from "node:fs/promises";
import { arch, platform } from "node:process";
import { join } from "node:path";

import type { Progress } from "../progress.ts";
import { downloadVerified } from "./download.ts";
import { versions } from "./versions.ts";
import type { Program } from "./versions.ts";

/** Where Kubernetes publishes its releases. */
export const OFFICIAL = "https://dl.k8s.io";
/** Whoever cannot be reached in two seconds would make a slow download too: building is the better wait. */
const REACH = 2_000;

const downloadable = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] as const satisfies readonly Program[];

/** Tells whether the official downloads answer. */
export async function isReachable(baseUrl: string): Promise<boolean> {
  const url = `${baseUrl}/v${versions.kubernetes}/bin/${target()}/kube-scheduler.sha256`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(REACH) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/**
 * Fetches what Kubernetes publishes as single programs with checksums: most of the building time. The rest is built.
 * Gives the names fetched.
 */
export async function downloadPrograms(baseUrl: string, directory: string, progress: Progress): Promise<Program[]> {
  await mkdir(directory, { recursive: true });
  for (const name of downloadable) {
    const url = `${baseUrl}/v${versions.kubernetes}/bin/${target()}/${name}`;
    const file = join(directory, name);
    await progress.run(`Downloading ${name} v${versions.kubernetes}`, () =>
      downloadVerified({ url, checksumUrl: `${url}.sha256`, target: file }),
    );
    await chmod(file, 0o755);
  }
  return [...downloadable];
}

/** Kubernetes names machines as Go does. */
function target(): string {
  return `${platform}/${arch === "x64" ? "amd64" : arch}`;
}
