import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import ignore from "ignore";
import { packTar } from "modern-tar";
import type { TarEntry } from "modern-tar";
import { parse } from "yaml";

import { CliError } from "../errors.ts";

/** Bytes that Berth takes of an archive: Helm could store no more either. */
const LIMIT = 700 * 1024;
/** Bytes of the files, before they are compressed: a wrong folder is noticed before it is read. */
const UNPACKED_LIMIT = 20 * 1024 * 1024;

/** Whether an argument is the URL of a chart. */
export function isUrl(chart: string): boolean {
  return /^(https?|oci):\/\//.test(chart);
}

/** Whether an argument names something on this machine. */
export async function isLocal(path: string): Promise<boolean> {
  if (isUrl(path)) return false;
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined) return found.isDirectory() || path.endsWith(".tgz");
  if (/^\.{0,2}\//.test(path) || path.endsWith(".tgz")) throw new CliError(`There is no chart at ${path}.`);
  return false;
}

/** A chart of this machine as an archive (.tgz): a folder is packed without what its .helmignore names. */
export async function readChart(path: string): Promise<Uint8Array> {
  const isFolder = (await stat(path)).isDirectory();
  const archive = isFolder ? await pack(path) : await readFile(path);
  if (archive.length <= LIMIT) return archive;
  throw new CliError(
    `The chart at ${path} is ${String(archive.length)} bytes, of which Berth takes ${String(LIMIT)}.`,
    "Name what it does not need in .helmignore, or put it into a repository or registry.",
  );
}

async function pack(folder: string): Promise<Uint8Array> {
  const name = await chartName(folder);
  const rules = ignore
    .default({ allowRelativePaths: true })
    .add((await readFile(join(folder, ".helmignore"), "utf8").catch(() => "")) || "");
  const entries: TarEntry[] = [];
  let size = 0;
  const add = async (inner: string): Promise<void> => {
    for (const entry of (await readdir(join(folder, inner), { withFileTypes: true })).sort(byName)) {
      const path = inner === "" ? entry.name : `${inner}/${entry.name}`;
      const isFolder = entry.isDirectory();
      if (rules.ignores(isFolder ? `${path}/` : path)) continue;
      if (isFolder) await add(path);
      if (!entry.isFile()) continue;
      const body = await readFile(join(folder, path));
      size += body.length;
      if (size > UNPACKED_LIMIT) throw new CliError(`The chart at ${folder} is too large.`, "Is it a chart's folder?");
      entries.push(entryOf(`${name}/${path}`, body));
    }
  };
  await add("");
  return promisify(gzip)(await packTar(entries));
}

/** An entry that is the same each time: the same chart has the same digest. */
export function entryOf(name: string, body: Uint8Array): TarEntry {
  return { header: { name, size: body.length, mode: 0o644, mtime: new Date(0) }, body };
}

async function chartName(folder: string): Promise<string> {
  const text = await readFile(join(folder, "Chart.yaml"), "utf8").catch(() => {
    throw new CliError(`${folder} is no chart: it has no Chart.yaml.`);
  });
  let name: unknown;
  try {
    name = (parse(text) as { name?: unknown } | null)?.name;
  } catch {
    throw new CliError(`${join(folder, "Chart.yaml")} is no YAML.`);
  }
  return typeof name === "string" && /^[\w.-]+$/.test(name) ? name : basename(resolve(folder));
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
