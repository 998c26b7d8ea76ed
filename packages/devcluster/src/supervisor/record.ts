import { join } from "node:path";

import { readIfThere, writeOwn } from "../files.ts";
import { endProcess } from "../process/end.ts";
import { isAlive } from "../process/identity.ts";
import type { ProcessIdentity } from "../process/identity.ts";

/** A leftover has lost its masters: nothing it does in longer than this is of use. */
const GRACE = 3_000;

/** Writes which processes belong to a data directory. */
export async function writeRecord(directory: string, processes: readonly ProcessIdentity[]): Promise<void> {
  await writeOwn(file(directory), JSON.stringify(processes));
}

/** Ends every recorded process that still runs. The caller holds the directory's lock. Gives how many there were. */
export async function endLeftovers(directory: string): Promise<number> {
  const text = await readIfThere(file(directory));
  const recorded = text === undefined ? [] : (JSON.parse(text) as ProcessIdentity[]);
  const left = recorded.filter(isAlive);
  await Promise.all(left.map((process) => endProcess(process, GRACE)));
  await writeRecord(directory, []);
  return left.length;
}

function file(directory: string): string {
  return join(directory, "processes.json");
}
