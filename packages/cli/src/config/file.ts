import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import { parse, stringify } from "yaml";

import { CliError } from "../errors.ts";

/** One Berth that is used, and what is meant there where nothing is said. */
export interface Context {
  readonly server: string;
  readonly cluster?: string;
  readonly namespace?: string;
  /** File with the bearer token. */
  readonly tokenFile?: string;
}

/** The configuration file. */
export interface ConfigFile {
  readonly current?: string;
  readonly contexts: Readonly<Record<string, Context>>;
}

const KEYS: readonly string[] = ["server", "cluster", "namespace", "tokenFile"] satisfies (keyof Context)[];

/** Reads the configuration; an empty one where there is no file. */
export async function readConfig(path: string): Promise<ConfigFile> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { contexts: {} };
    throw new CliError(`${path} cannot be read.`, "Check who may read it.");
  }
  return check(parseText(text, path), path);
}

function parseText(text: string, path: string): unknown {
  try {
    return parse(text) as unknown;
  } catch {
    throw new CliError(`${path} is no YAML.`, "Correct it, or remove it and begin with berth config set-context.");
  }
}

function check(value: unknown, path: string): ConfigFile {
  const wrong = (what: string) => new CliError(`${path}: ${what}`, "berth config view shows what it should look like.");
  const file = (value ?? {}) as { current?: unknown; contexts?: unknown };
  if (typeof file !== "object" || Array.isArray(file)) throw wrong("it is no mapping.");
  const { current, contexts = {}, ...rest } = file;
  if (Object.keys(rest).length > 0) throw wrong(`there is no field "${Object.keys(rest).join(", ")}".`);
  if (current !== undefined && typeof current !== "string") throw wrong('"current" is the name of a context.');
  if (typeof contexts !== "object" || contexts === null) throw wrong('"contexts" maps names to contexts.');
  for (const [name, one] of Object.entries(contexts as Record<string, unknown>)) {
    const entries = typeof one === "object" && one !== null ? Object.entries(one) : [];
    const odd = entries.find(([key, text]) => !KEYS.includes(key) || typeof text !== "string");
    if (odd !== undefined) throw wrong(`the context "${name}" has no field "${odd[0]}" of this kind.`);
    if (!entries.some(([key]) => key === "server")) throw wrong(`the context "${name}" has no server.`);
  }
  return { contexts: contexts as ConfigFile["contexts"], ...(current === undefined ? {} : { current }) };
}

/** Writes the configuration, for its owner alone, all of it or nothing. */
export async function writeConfig(path: string, file: ConfigFile): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, stringify(file), { mode: 0o600 });
  await rename(draft, path);
}
