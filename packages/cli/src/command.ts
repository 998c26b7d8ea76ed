import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";

import type { ExitCode } from "./errors.ts";
import type { Io } from "./io.ts";
import { toFormat } from "./output/print.ts";
import type { Format } from "./output/print.ts";
import { openSession } from "./session.ts";
import type { Session, TargetOptions } from "./session.ts";

/** What commands are made with. */
export interface Maker {
  readonly io: Io;
  /** How the program ends where a command ends well. */
  exit(code: ExitCode): void;
}

/** What a command that speaks to Berth does; `args` as the command declares them. */
export type Action<O> = (
  session: Session,
  options: O & { readonly format: Format },
  ...args: (string | undefined)[]
) => Promise<ExitCode | undefined | void>;

/** Adds the options of each command that speaks to Berth, and what it does. */
export function speaks<O extends object>(maker: Maker, command: Command, action: Action<O>): Command {
  return command
    .option("-n, --namespace <name>", "namespace (default: the context's)")
    .option("--cluster <name>", "cluster, as Berth names it (default: the context's)")
    .option("--context <name>", "context of the configuration file (default: the current one)")
    .option("--server <url>", "Berth's URL (default: BERTH_SERVER, or the context's)")
    .option("--request-timeout <seconds>", "time for each single request", toPositive)
    .option("-o, --output <format>", "table, wide, json, yaml or jsonpath=TEMPLATE", "table")
    .addOption(new Option("--color <when>", "when to use colours").choices(["never", "auto", "always"]).default("auto"))
    .addOption(new Option("--colour <when>").choices(["never", "auto", "always"]).hideHelp())
    .action(async (...given: unknown[]) => {
      const options = given.at(-2) as O & TargetOptions & { output: string };
      const args = given.slice(0, -2) as (string | undefined)[];
      const format = toFormat(options.output);
      const code = await action(await openSession(maker.io, options), { ...options, format }, ...args.flat());
      if (typeof code === "number") maker.exit(code);
    });
}

/** Reads a whole number of an option. */
export function toNumber(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw new InvalidArgumentError("It is no whole number.");
  return Number(text);
}

function toPositive(text: string): number {
  const number = toNumber(text);
  if (number < 1) throw new InvalidArgumentError("It is 1 or more.");
  return number;
}

/** The release that is meant. */
export function targetOf({ cluster, namespace }: Session, name = "") {
  return { cluster, namespace, name };
}
