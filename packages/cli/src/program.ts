import { Command } from "commander";

import type { Maker } from "./command.ts";
import { addAddresses } from "./commands/addresses.ts";
import { addSearch, addShow } from "./commands/charts.ts";
import { addClusters } from "./commands/clusters.ts";
import { addCompletion } from "./commands/completion.ts";
import { addConfig } from "./commands/config.ts";
import { addCheck, addDiff } from "./commands/diff.ts";
import { addExpose } from "./commands/expose.ts";
import { addExposures } from "./commands/exposures.ts";
import { addGet } from "./commands/get.ts";
import { addInstall } from "./commands/install.ts";
import { addList } from "./commands/list.ts";
import { addEvents, addTree } from "./commands/live.ts";
import { addLogs } from "./commands/logs.ts";
import { addOperations } from "./commands/operations.ts";
import { addPools } from "./commands/pools.ts";
import { addPull } from "./commands/pull.ts";
import { addHistory, addStatus } from "./commands/read.ts";
import { addSources } from "./commands/sources.ts";
import { addTemplate } from "./commands/template.ts";
import { addUpgrade } from "./commands/upgrade.ts";
import { addRollback, addTest, addUninstall, addUnlock } from "./commands/writes.ts";
import { VERSION } from "./version.ts";

/** Helm's commands first, in Helm's order, then Berth's own. */
const COMMANDS: readonly ((program: Command, maker: Maker) => void)[] = [
  ...[addInstall, addUpgrade, addRollback, addUninstall, addList, addStatus, addHistory, addGet, addTest],
  ...[addTemplate, addDiff, addCheck, addUnlock, addTree, addEvents, addLogs, addSearch, addShow, addPull],
  ...[
    addExpose,
    addExposures,
    addPools,
    addAddresses,
    addOperations,
    addSources,
    addClusters,
    addConfig,
    addVersion,
    addCompletion,
  ],
];

/** Makes the program with all its commands. It neither exits nor writes anywhere but to `io`. */
export function createProgram(maker: Maker): Command {
  const { io } = maker;
  const program = new Command("berth")
    .description("Berth's command line: Helm releases and exposed ports on clusters that Berth looks after.")
    .exitOverride()
    .configureOutput({ writeOut: io.stdout.write, writeErr: io.stderr.write })
    .configureHelp({ helpWidth: 100 })
    .helpCommand(false)
    .showSuggestionAfterError()
    .enablePositionalOptions();
  for (const add of COMMANDS) add(program, maker);
  // `berth help X` is `berth X --help`: no group has a command of that name.
  for (const command of program.commands) command.helpCommand(false);
  return program;
}

function addVersion(program: Command, { io }: Maker): void {
  program
    .command("version")
    .summary("print the version of this program")
    .description("Prints the version of this program.")
    .action(() => io.stdout.write(`${VERSION}\n`));
}
