import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
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

/** A killed npm says nothing; that what stands above us has another parent does. */
function watchNpm(onGone) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const before = npmAbove();
  const timer = setInterval(() => {
    if (npmAbove() === before) return;
    clearInterval(timer);
    onGone();
  }, LOOK);
  timer.unref();
}

/** npm is our parent, or that of the shell it starts us by where the shell stays between us. */
function npmAbove() {
  try {
    const parent = `/proc/${process.ppid}`;
    if (!readFileSync(`${parent}/cmdline`, "utf8").startsWith("sh\0-c\0")) return process.ppid;
    const stat = readFileSync(`${parent}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return process.ppid;
  }
}
