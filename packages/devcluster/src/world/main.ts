/**
 * The keeper of a world: makes its cgroups, starts its first process in namespaces of its own, and cleans up when that
 * is gone, however it went. Standard input and output are the supervisor's, which runs inside.
 */
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";

import { identify, ownIdentity } from "../process/identity.ts";
import { writeRecord } from "../supervisor/record.ts";
import {
  CGROUP_PREFIX,
  makeCgroups,
  planCgroups,
  readCgroupFacts,
  removeAbandonedCgroups,
  removeCgroups,
} from "./cgroups.ts";
import type { CgroupPlan } from "./cgroups.ts";
import { writeWorld } from "./world.ts";
import type { WorldSpec } from "./world.ts";

/** Joins cgroups given before a `--`, then becomes the command behind it. */
const JOIN = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@"';

const [text] = process.argv.slice(2);
if (text === undefined) throw new Error("usage: world SPEC");
const spec = JSON.parse(text) as WorldSpec;
const { directory } = spec;

const plan = planCgroups(await readCgroupFacts(), cgroupName());
await writeWorld(directory, { cgroups: plan.roots });
await removeAbandonedCgroups(plan.roots);
await makeCgroups(plan);
const [command = "", ...args] = commandLine(plan);
const child = spawn(command, args, { stdio: "inherit", cwd: directory, env: environment() });
const ended = new Promise<number>((resolve) => {
  child.once("error", (error) => {
    console.error(error.message);
    resolve(1);
  });
  child.once("exit", (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
});
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => child.kill("SIGKILL"));
const holder = identify(child.pid ?? 0);
if (holder !== undefined) {
  await writeRecord(directory, [ownIdentity(), holder]);
  await writeWorld(directory, { cgroups: plan.roots, holder });
}
const code = await ended;
await removeCgroups(plan.roots);
await writeWorld(directory, { cgroups: [] });
process.exit(code);

/** A name that no other world on this machine has, and that leads to the data directory. */
function cgroupName(): string {
  const sum = createHash("sha256").update(directory).digest("hex");
  return `${CGROUP_PREFIX}${sum.slice(0, 8)}-${randomBytes(3).toString("hex")}`;
}

/**
 * One process all the way to the last `unshare`, whose child is the world's first process. If the keeper is killed, the
 * kernel kills `unshare`, and then its child.
 */
function commandLine({ roots, leaves, hierarchies }: CgroupPlan): string[] {
  const join_ = (groups: readonly string[]) => ["sh", "-c", JOIN, "sh", ...groups, "--"];
  const namespaces = ["--mount", "--net", "--pid", "--uts", "--ipc", "--propagation=private", "--mount-proc"];
  const supervisor = join(import.meta.dirname, "../supervisor/main.ts");
  return [
    ...join_(roots),
    ...["unshare", "--cgroup", ...join_(leaves)],
    ...["setpriv", "--pdeathsig", "KILL"],
    ...["unshare", ...namespaces, "--fork", "--kill-child", "--"],
    ...["sh", join(import.meta.dirname, "init.sh"), directory, spec.name, spec.address, process.execPath, supervisor],
    ...hierarchies,
  ];
}

/** Nothing of the environment goes in but what finds programs. */
function environment(): NodeJS.ProcessEnv {
  const path = [...spec.path, process.env.PATH ?? "", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].join(":");
  return { PATH: path, TMPDIR: join(directory, "node/tmp"), HOME: join(directory, "node") };
}
