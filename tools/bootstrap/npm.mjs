import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

import { SetupProblem } from "./setup-problem.mjs";

/** Runs `npm ci` in a directory, with npm's own script run by the given Node, so that it sees the version we mean. */
export async function npmCi(node, directory) {
  // `--prefix`, because a surrounding `npm run` tells npm by the environment where the project is.
  const args = [findNpm(), "ci", "--no-audit", "--no-fund", "--prefix", directory];
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
  const child = spawn(node, args, { cwd: directory, env, stdio: ["ignore", "inherit", "inherit"] });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  if (code !== 0) {
    throw new SetupProblem(
      `\`npm ci\` failed in ${directory}.`,
      "What it printed above says why; run the command again after mending it.",
    );
  }
}

/** npm says where it is when it runs us; otherwise it is found by the `npm` on PATH. */
function findNpm() {
  const told = process.env.npm_execpath;
  if (told !== undefined && /npm-cli\.c?js$/.test(told) && existsSync(told)) return told;
  for (const directory of (process.env.PATH ?? "").split(delimiter)) {
    const file = join(directory, "npm");
    if (existsSync(file) && /\.c?js$/.test(realpathSync(file))) return realpathSync(file);
  }
  throw new SetupProblem(
    "There is no npm.",
    "Install npm (it comes with Node: https://nodejs.org/) and put it on PATH.",
  );
}
