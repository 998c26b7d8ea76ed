import { existsSync, readFileSync } from "node:fs";
import { delimiter, join, resolve, sep } from "node:path";

import { cacheDirectory, repository } from "../paths.ts";
import { SetupError } from "../setup-error.ts";

/** Capabilities by their bit, see capabilities(7). */
const CAPABILITIES = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_FOWNER: 3,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_NET_ADMIN: 12,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_MKNOD: 27,
} as const;

/** Programs that make a world: all of util-linux and iproute2. */
const PROGRAMS = ["unshare", "nsenter", "setpriv", "mount", "umount", "ip"];

/** What a world mounts over with folders of its own. */
const COVERED = ["/run", "/var/lib", "/var/log", "/sys", "/proc"];

/** Says why no real node can run here, and what to do; undefined where one can. */
export function whyNoRealNode(): SetupError | undefined {
  if (process.platform !== "linux") {
    return new SetupError(
      "A real node runs containers, which only Linux can.",
      "Leave --real out, or run it on Linux: the simulated nodes work everywhere.",
    );
  }
  const missing = missingCapabilities(readFileSync("/proc/self/status", "utf8"));
  if (missing.length > 0) {
    return new SetupError(
      `A real node needs namespaces, mounts and cgroups of its own: this process lacks ${missing.join(", ")}.`,
      "Run it as root (in a container: a privileged one), or leave --real out.",
    );
  }
  const programs = PROGRAMS.filter((name) => !isOnPath(name));
  if (programs.length === 0) return undefined;
  return new SetupError(
    `A real node needs ${programs.join(", ")}, which this machine does not have.`,
    "Install util-linux and iproute2.",
  );
}

/**
 * Refuses to start a real node where it cannot run, or with a data directory that it would not see.
 * @throws SetupError
 */
export function checkRealNode(directory: string): void {
  const reason = whyNoRealNode();
  if (reason !== undefined) throw reason;
  for (const path of [directory, cacheDirectory(), repository, process.execPath].map((name) => resolve(name))) {
    const cover = COVERED.find((place) => path === place || path.startsWith(place + sep));
    if (cover === undefined) continue;
    throw new SetupError(
      `A real node cannot see ${path}: it has a ${cover} of its own.`,
      "Keep the data (--data), the cache (XDG_CACHE_HOME) and the clone elsewhere.",
    );
  }
}

/** Names the capabilities that the effective set in `/proc/PID/status` lacks. */
export function missingCapabilities(status: string): string[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return Object.entries(CAPABILITIES)
    .filter(([, bit]) => (effective & (1n << BigInt(bit))) === 0n)
    .map(([name]) => name);
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));
}
