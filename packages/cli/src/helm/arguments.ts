import type { Command } from "commander";

import { CliError } from "../errors.ts";
import { refusalOf } from "./refused.ts";

/** Options with a value that may stand before the command, as in `helm -n team list`. */
const VALUED = new Set([
  ...["-n", "--namespace", "--cluster", "--context", "--server", "--request-timeout"],
  ...["-o", "--output", "--color", "--colour"],
]);

/**
 * Brings a line as Helm's users type it into the form that commander reads: options that stand before the command go
 * behind it; `help X` is `X --help`; an option that is on or off may have `=true` or `=false`; some of Helm's options
 * have a value only behind a `=`, and a word after them is an argument.
 */
export function toArguments(program: Command, args: readonly string[]): string[] {
  const end = args.indexOf("--");
  const words = end < 0 ? args : args.slice(0, end);
  const rest = args.slice(words.length);
  if (words[0] === "help") return [...words.slice(1), "--help"];
  const { command, path, moved, left } = toLeaf(program, words);
  const own = left.flatMap((word, i) => toForms(word, left[i + 1], command));
  return [...path, ...own, ...moved, ...rest];
}

/** The command that is meant, and what stands before it, in its midst and behind it. */
function toLeaf(program: Command, words: readonly string[]) {
  const [path, moved]: [string[], string[]] = [[], []];
  let command = program;
  let at = 0;
  while (at < words.length && command.commands.length > 0) {
    const word = words[at] ?? "";
    if (word === "-h" || word === "--help") break;
    at++;
    if (word.startsWith("-")) {
      const hint = refusalOf(word);
      if (hint !== undefined) throw new CliError(`There is no option "${word}".`, hint);
      moved.push(word);
      if (VALUED.has(word) && at < words.length) moved.push(words[at++] ?? "");
      continue;
    }
    path.push(word);
    const inner = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    if (inner === undefined) break;
    command = inner;
  }
  return { command, path, moved, left: words.slice(at) };
}

function toForms(word: string, next: string | undefined, command: Command): string[] {
  const [name = "", value] = word.split(/=(.*)/s);
  if (word === "--server-side" && !/^(true|false|auto)$/.test(next ?? "")) return ["--server-side=true"];
  if (!name.startsWith("--") || value === undefined) return [word];
  // What Helm calls a dry run of the client asks the cluster here, as one of the server does.
  if (name === "--dry-run" && (value === "client" || value === "server")) return ["--dry-run"];
  const isSwitch = command.options.some((one) => one.long === name && one.isBoolean());
  if (isSwitch && value === "true") return [name];
  if (isSwitch && (value === "false" || (name === "--dry-run" && value === "none"))) return [];
  return name === "--wait" ? ["--wait", "--wait-strategy", value] : [word];
}
