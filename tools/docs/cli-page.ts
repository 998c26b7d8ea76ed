import { createProgram } from "@berth/cli";
import type { Io } from "@berth/cli";

/** Path of the page, relative to the root. */
export const CLI_PAGE = "docs/cli-reference.md";

const HEAD = `# Commands of berth

<!-- Generated from the program's own help by tools/docs/cli.ts. Do not edit. -->

What each command of the command line takes, as \`berth COMMAND --help\` says it. How to begin, exit codes and the
configuration: [cli.md](cli.md).
`;

/** Nothing is run, so nothing of it is used. */
const NOWHERE: Io = {
  env: {},
  home: "/",
  stdout: { isTerminal: false, write: () => undefined },
  stderr: { isTerminal: false, write: () => undefined },
  readStdin: () => Promise.resolve(Buffer.alloc(0)),
  signal: new AbortController().signal,
};

type Program = ReturnType<typeof createProgram>;

/** Writes the page of commands: one section a command, in the order of the help. */
export function renderCliPage(): string {
  return [HEAD, ...sections(createProgram({ io: NOWHERE, exit: () => undefined }), "berth")].join("\n");
}

/** All commands by their whole names, such as `get values`. */
export function commandNames(): string[] {
  const walk = (command: Program, path: string): string[] =>
    visible(command).flatMap((one) => {
      const name = `${path} ${one.name()}`.trim();
      return one.commands.length > 0 ? walk(one, name) : [name];
    });
  return walk(createProgram({ io: NOWHERE, exit: () => undefined }), "");
}

function sections(command: Program, path: string): string[] {
  return visible(command).flatMap((one) => {
    const name = `${path} ${one.name()}`;
    if (one.commands.length > 0) return sections(one, name);
    return [`## ${name}\n\n\`\`\`text\n${one.helpInformation().trimEnd()}\n\`\`\`\n`];
  });
}

function visible(command: Program): readonly Program[] {
  return command.createHelp().visibleCommands(command);
}
