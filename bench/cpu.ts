import { readFile, readdir } from "node:fs/promises";

/** Milliseconds of a tick of /proc, as Linux has them everywhere. */
const TICK = 10;

/** Milliseconds of CPU that a process and its children have used. Linux only. */
export async function cpuOf(pid: number): Promise<number> {
  const all = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const stats = await Promise.all(all.map((one) => readFile(`/proc/${one}/stat`, "utf8").catch(() => "")));
  let ticks = 0;
  for (const [at, stat] of stats.entries()) {
    // The name, which may hold anything, stands in brackets.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const isOurs = Number(all[at]) === pid || Number(fields[1]) === pid;
    if (isOurs) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * TICK;
}
