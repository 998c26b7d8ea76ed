import type { Command } from "commander";
import { stringify } from "yaml";

import type { Maker } from "../command.ts";
import { readConfig, writeConfig } from "../config/file.ts";
import type { ConfigFile, Context } from "../config/file.ts";
import { configFile } from "../config/places.ts";
import { CliError } from "../errors.ts";
import { formatTable } from "../output/table.ts";

/** `berth config get-contexts|current-context|use-context|set-context|delete-context|view`. */
export function addConfig(program: Command, { io }: Maker): void {
  const config = program
    .command("config")
    .summary("see and change the configuration")
    .description("Sees and changes the configuration: contexts, each a Berth with its cluster and namespace.");
  const path = configFile(io);
  const change = async (edit: (file: ConfigFile) => ConfigFile) => writeConfig(path, edit(await readConfig(path)));
  config
    .command("get-contexts")
    .alias("contexts")
    .summary("list the contexts")
    .description("Lists the contexts; a star marks the current one.")
    .action(async () => {
      const { current, contexts } = await readConfig(path);
      const rows = Object.entries(contexts).map(([name, { server, cluster = "local", namespace = "default" }]) => {
        return [name === current ? "*" : "", name, server, cluster, namespace];
      });
      io.stdout.write(formatTable({ columns: ["CURRENT", "NAME", "SERVER", "CLUSTER", "NAMESPACE"], rows }));
    });
  config
    .command("current-context")
    .summary("print the current context")
    .description("Prints the current context.")
    .action(async () => {
      const { current } = await readConfig(path);
      if (current === undefined) throw new CliError("There is no current context.", "berth config use-context NAME");
      io.stdout.write(`${current}\n`);
    });
  config
    .command("use-context")
    .argument("<name>", "name of the context")
    .summary("make a context the current one")
    .description("Makes a context the current one.")
    .action(async (name: string) => {
      await change((file) => ({ ...requireContext(file, name), current: name }));
      io.stdout.write(`Switched to context "${name}".\n`);
    });
  addSetting(config, io.stdout.write, change);
  config
    .command("view")
    .summary("print the configuration and where it stands")
    .description("Prints the configuration and where it stands.")
    .action(async () => io.stdout.write(`# ${path}\n${stringify(await readConfig(path))}`));
}

interface SetOptions {
  readonly server?: string;
  readonly cluster?: string;
  readonly namespace?: string;
  readonly tokenFile?: string;
  readonly current?: boolean;
}

type Change = (edit: (file: ConfigFile) => ConfigFile) => Promise<void>;

function addSetting(config: Command, print: (text: string) => void, change: Change): void {
  config
    .command("set-context")
    .argument("[name]", "name of the context; the current one with --current")
    .summary("make or change a context")
    .description("Makes or changes a context. The first one becomes the current one.")
    .option("--current", "change the current context")
    .option("--server <url>", "Berth's URL")
    .option("--cluster <name>", "cluster, as Berth names it")
    .option("--namespace <name>", "namespace")
    .option("--token-file <file>", "file with the bearer token")
    .action(async (given: string | undefined, { current: isCurrent, ...options }: SetOptions) => {
      let name = given ?? "";
      await change((file) => {
        name = isCurrent === true ? (file.current ?? "") : name;
        if (name === "") throw new CliError("A context's name is missing.", "Name one, or give --current.");
        const server = options.server ?? file.contexts[name]?.server;
        if (server === undefined) throw new CliError("A new context needs a server.", "Give --server URL.");
        const context: Context = { ...file.contexts[name], ...options, server };
        return { current: file.current ?? name, contexts: { ...file.contexts, [name]: context } };
      });
      print(`Context "${name}" set.\n`);
    });
  config
    .command("delete-context")
    .argument("<name>", "name of the context")
    .summary("delete a context")
    .description("Deletes a context.")
    .action(async (name: string) => {
      await change((file) => {
        const { [name]: _gone, ...contexts } = requireContext(file, name).contexts;
        const { current } = file;
        return current === undefined || current === name ? { contexts } : { current, contexts };
      });
      print(`Context "${name}" deleted.\n`);
    });
}

function requireContext(file: ConfigFile, name: string): ConfigFile {
  if (file.contexts[name] !== undefined) return file;
  throw new CliError(
    `There is no context "${name}".`,
    `There are: ${Object.keys(file.contexts).join(", ") || "none"}.`,
  );
}
