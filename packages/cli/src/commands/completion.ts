import { Argument } from "commander";
import type { Command } from "commander";

import type { Maker } from "../command.ts";
import { complete } from "../completion/complete.ts";
import { COMPLETION_SCRIPTS } from "../completion/scripts.ts";
import { openSession } from "../session.ts";
import type { Session } from "../session.ts";

/** Milliseconds that a shell's user waits for names of Berth's. */
const PATIENCE = 1_500;

/** `berth completion bash|zsh|fish`, and the hidden command that these scripts ask. */
export function addCompletion(program: Command, { io }: Maker): void {
  program
    .command("completion")
    .addArgument(new Argument("<shell>", "which shell").choices(Object.keys(COMPLETION_SCRIPTS)))
    .summary("print the completion of a shell")
    .description("Prints the completion of a shell, such as: source <(berth completion bash)")
    .action((shell: keyof typeof COMPLETION_SCRIPTS) => io.stdout.write(COMPLETION_SCRIPTS[shell]));
  program
    .command("__complete", { hidden: true })
    .argument("[words...]")
    .action(async (words: readonly string[]) => {
      const found = await complete(program, words, async (argument, command) => {
        const session = await openSession(io, { requestTimeout: PATIENCE / 1_000, ...targetIn(words) });
        return namesOf(session, argument, command).catch(() => []);
      });
      io.stdout.write(found.map(({ word, what }) => `${word}\t${what}\n`).join(""));
    });
}

/** The options of the line that say which Berth is meant. */
function targetIn(words: readonly string[]) {
  const after = (...names: readonly string[]) => {
    const at = words.findIndex((word) => names.includes(word));
    const value = at < 0 ? undefined : words[at + 1];
    return value === undefined || at + 1 === words.length - 1 ? undefined : value;
  };
  const given = { namespace: after("-n", "--namespace"), cluster: after("--cluster") };
  const where = { server: after("--server"), context: after("--context") };
  return Object.fromEntries(Object.entries({ ...given, ...where }).filter(([, value]) => value !== undefined));
}

/** Names that Berth knows, for an argument of a command. */
async function namesOf(session: Session, argument: string, command: string): Promise<readonly string[]> {
  const { berth, cluster, namespace, call } = session;
  const [noun = ""] = command.split(" ");
  if (noun === "operations") {
    return (await berth.operations.listOperations({ cluster, namespace }, call)).operations.map(({ id }) => id);
  }
  if (argument !== "name" || command.endsWith(" create")) return [];
  switch (noun) {
    case "install":
    case "template":
    case "config":
      return [];
    case "exposures":
      return (await berth.exposures.listExposures({ cluster, namespace }, call)).exposures.map(({ name }) => name);
    case "addresses":
      return [];
    case "pools":
      return (await berth.pools.listPools({ cluster }, call)).pools.map(({ name }) => name);
    case "sources":
      return (await berth.chartSources.listChartSources({ namespace }, call)).chartSources.map(({ name }) => name);
    default:
      return (await berth.releases.listReleases({ cluster, namespace }, call)).releases.map(({ name }) => name);
  }
}
