import { readFile, readdir } from "node:fs/promises";

/** Milliseconds between two looks. */
const EVERY = 150;

/** Samples the resident memory of processes, all together, until it is stopped. Linux only: elsewhere 0. */
export function sampleMemory(isOurs: (name: string, pid: number) => boolean): () => Promise<number> {
  let peak = 0;
  const names = new Map<string, string>();
  let isStopped = false;
  const sampling = (async () => {
    while (!isStopped) {
      peak = Math.max(peak, await sumMiB(isOurs, names).catch(() => 0));
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
  })();
  return async () => {
    isStopped = true;
    await sampling;
    return Math.round(peak);
  };
}

/** Reads as little as it can: it shares the machine with what is measured. */
async function sumMiB(isOurs: (name: string, pid: number) => boolean, names: Map<string, string>) {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  for (const pid of names.keys()) if (!pids.includes(pid)) names.delete(pid);
  let kib = 0;
  for (const pid of pids) {
    const name = names.get(pid) ?? (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
    names.set(pid, name);
    if (!isOurs(name, Number(pid))) continue;
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    kib += Number(/^VmRSS:\s+(\S+)/m.exec(status)?.[1] ?? 0);
  }
  return kib / 1024;
}

/** Resident memory of one process. */
export async function residentMiB(pid: number): Promise<number> {
  return Math.round(await sumMiB((_name, one) => one === pid, new Map()));
}
