import { readFile, readdir } from "node:fs/promises";

/** Milliseconds between two looks. */
const EVERY = 100;

/** Samples the resident memory of processes, all together, until it is stopped. Linux only: elsewhere 0. */
export function sampleMemory(isOurs: (name: string, pid: number) => boolean): () => Promise<number> {
  let peak = 0;
  let isStopped = false;
  const sampling = (async () => {
    while (!isStopped) {
      peak = Math.max(peak, await residentMiB(isOurs).catch(() => 0));
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
  })();
  return async () => {
    isStopped = true;
    await sampling;
    return Math.round(peak);
  };
}

async function residentMiB(isOurs: (name: string, pid: number) => boolean): Promise<number> {
  let kib = 0;
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const status = await readFile(`/proc/${entry}/status`, "utf8").catch(() => "");
    const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, "m").exec(status)?.[1] ?? "";
    if (isOurs(field("Name"), Number(entry))) kib += Number(field("VmRSS"));
  }
  return kib / 1024;
}
