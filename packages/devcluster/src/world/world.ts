import { join } from "node:path";

import { ownDirectory, readIfThere, writeOwn } from "../files.ts";
import type { ProcessIdentity } from "../process/identity.ts";
import { removeCgroups } from "./cgroups.ts";

/** What a world is made of. */
export interface WorldSpec {
  /** Data directory of the cluster: all that the world may write. */
  readonly directory: string;
  /** Its host name. */
  readonly name: string;
  /** Its own address. Every world may have the same. */
  readonly address: string;
  /** Directories with programs, before those of `PATH`. */
  readonly path: readonly string[];
}

/** What is known of a world outside of it. */
export interface WorldRecord {
  readonly cgroups: readonly string[];
  /** The process that is in all its namespaces but that of processes; killing it ends the world. */
  readonly holder?: ProcessIdentity;
}

/** Makes the folders a world mounts. */
export async function prepareWorld(directory: string): Promise<void> {
  await ownDirectory(join(directory, "node"));
  for (const name of ["lib", "log", "tmp"]) await ownDirectory(join(directory, "node", name));
}

/** The command whose process keeps a world: it is the parent of all in it. */
export function keeperCommand(spec: WorldSpec): { readonly file: string; readonly args: readonly string[] } {
  return { file: process.execPath, args: [join(import.meta.dirname, "main.ts"), JSON.stringify(spec)] };
}

/** Writes down what a world leaves if it is not ended in order. */
export async function writeWorld(directory: string, record: WorldRecord): Promise<void> {
  await writeOwn(file(directory), JSON.stringify(record));
}

/** Reads what was written down. */
export async function readWorld(directory: string): Promise<WorldRecord> {
  return JSON.parse((await readIfThere(file(directory))) ?? '{"cgroups":[]}') as WorldRecord;
}

/** Removes what an earlier world left that was not ended in order. None of its processes runs any more. */
export async function removeWorld(directory: string): Promise<void> {
  const { cgroups } = await readWorld(directory);
  if (cgroups.length === 0) return;
  await removeCgroups(cgroups);
  await writeWorld(directory, { cgroups: [] });
}

function file(directory: string): string {
  return join(directory, "world.json");
}
