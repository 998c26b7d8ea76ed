import type { Command } from "commander";

import { CliError } from "../errors.ts";
import type { Io } from "../io.ts";
import { readText } from "./chart.ts";

/** What a command line says of values. */
export interface ValuesOptions {
  readonly values?: readonly string[];
  readonly set?: readonly string[];
  readonly setString?: readonly string[];
  readonly setJson?: readonly string[];
  readonly setLiteral?: readonly string[];
  readonly setFile?: readonly string[];
}

/** Adds the options of ValuesOptions. */
export function addValuesOptions(command: Command): Command {
  return command
    .option("-f, --values <file>", "values as YAML, - for standard input; the last of several wins", collect)
    .option("--set <key=value>", "set values, as Helm does", collect)
    .option("--set-string <key=value>", "set values that are strings", collect)
    .option("--set-json <key=json>", "set values that are JSON", collect)
    .option("--set-literal <key=value>", "set a value as it is", collect)
    .option("--set-file <key=file>", "set values to the content of files", collect);
}

/** Gathers an option that may be given more than once. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Reads the files and makes the fields of a request. */
export async function toValues(io: Io, options: ValuesOptions) {
  const { values = [], set = [], setString = [], setJson = [], setLiteral = [], setFile = [] } = options;
  const valuesDocuments: string[] = [];
  for (const file of values.flatMap((one) => one.split(","))) {
    if (/^[a-z]+:\/\//.test(file)) throw new CliError("Values are not fetched from a URL.", "Fetch them, and give - .");
    valuesDocuments.push(file === "-" ? (await io.readStdin()).toString("utf8") : await readText(file));
  }
  const files: Record<string, string> = {};
  for (const pair of setFile.flatMap(splitList)) {
    const [key, path] = splitPair(pair);
    files[key] = await readText(path);
  }
  return {
    valuesDocuments,
    ...{ set: [...set], setString: [...setString], setJson: [...setJson], setLiteral: [...setLiteral] },
    setFile: files,
  };
}

/** Splits what commas divide, but for those behind a backslash. */
function splitList(text: string): string[] {
  return text.split(/(?<!\\),/).map((one) => one.replaceAll("\\,", ","));
}

/** Splits key=value at its first =. */
export function splitPair(pair: string): [string, string] {
  const at = pair.indexOf("=");
  if (at < 1) throw new CliError(`"${pair}" is no key=value.`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}
