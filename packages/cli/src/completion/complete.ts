import type { Argument, Command, Option } from "commander";

/** One thing that could stand next. */
export interface Candidate {
  readonly word: string;
  readonly what: string;
}

/** Asks Berth for names that an argument can have. */
export type NamesOf = (argument: string, command: string, words: readonly string[]) => Promise<readonly string[]>;

/** What could stand for the last of the words: commands, options, their values, or names that Berth knows. */
export async function complete(program: Command, words: readonly string[], namesOf: NamesOf): Promise<Candidate[]> {
  const before = words.slice(0, -1);
  const last = words.at(-1) ?? "";
  const { command, given, waiting } = walk(program, before);
  const found = waiting === undefined ? await next(command, given, last, words, namesOf) : valuesOf(waiting);
  return found.filter(({ word }) => word.startsWith(last));
}

interface Place {
  readonly command: Command;
  /** Arguments that stand already. */
  readonly given: readonly string[];
  /** The option whose value is to come. */
  readonly waiting: Option | undefined;
}

function walk(program: Command, words: readonly string[]): Place {
  let command = program;
  let given: string[] = [];
  let waiting: Option | undefined;
  for (const word of words) {
    if (waiting !== undefined) {
      waiting = undefined;
      continue;
    }
    if (word.startsWith("-")) {
      const option = command.options.find((one) => one.long === word || one.short === word);
      waiting = option?.required === true ? option : undefined;
      continue;
    }
    const inner = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (inner === undefined) given = [...given, word];
    else command = inner;
  }
  return { command, given, waiting };
}

async function next(
  command: Command,
  given: readonly string[],
  last: string,
  words: readonly string[],
  namesOf: NamesOf,
): Promise<Candidate[]> {
  if (last.startsWith("-")) {
    return command.options
      .filter(({ hidden, long }) => !hidden && long !== undefined && long !== null)
      .map(({ long, description }) => ({ word: long ?? "", what: description }));
  }
  if (command.commands.length > 0) {
    return command
      .createHelp()
      .visibleCommands(command)
      .map((one) => ({ word: one.name(), what: one.summary() }));
  }
  const argument = argumentAt(command.registeredArguments, given.length);
  if (argument === undefined) return [];
  if (argument.argChoices !== undefined) return argument.argChoices.map((word) => ({ word, what: "" }));
  const path = [command.parent?.parent === null ? "" : (command.parent?.name() ?? ""), command.name()];
  const names = await namesOf(argument.name(), path.filter((part) => part !== "").join(" "), words);
  return names.map((word) => ({ word, what: argument.name() }));
}

function argumentAt(declared: readonly Argument[], at: number): Argument | undefined {
  const last = declared.at(-1);
  return declared[at] ?? (last?.variadic === true ? last : undefined);
}

function valuesOf({ argChoices, long }: Option): Candidate[] {
  const known = long === "--output" ? ["table", "wide", "json", "yaml", "jsonpath="] : (argChoices ?? []);
  return known.map((word) => ({ word, what: "" }));
}
