import { spawn } from "node:child_process";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";

import { repository } from "./paths.mjs";

/** How often we look whether npm is still there, in milliseconds. */
const LOOK = 1_000;

/** Runs a script of the repository on a Node and gives its exit code. */
export async function runOnNode(node, script, args) {
  const path = [dirname(node), join(repository, "node_modules/.bin"), process.env.PATH].join(delimiter);
  const child = spawn(node, [join(repository, script), ...args], {
    cwd: repository,
    // Descriptor 3 closes when this process dies, however it does: so the child hears of it.
    env: { ...process.env, PATH: path, BERTH_PARENT_FD: "3" },
    stdio: ["inherit", "inherit", "inherit", "pipe"],
  });
  // A terminal sends Ctrl-C to the child as well: it decides how to end, and we with it.
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  watchNpm(() => child.kill("SIGTERM"));
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (...ending) => resolve(ending));
  });
  return signal === null ? code : 128 + constants.signals[signal];
}

/** A killed npm says nothing; that another process has become our parent does. */
function watchNpm(onGone) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, LOOK);
  timer.unref();
}
