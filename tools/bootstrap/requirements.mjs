import { spawnSync } from "node:child_process";

import { SetupProblem } from "./setup-problem.mjs";

const LOWEST = { node: 20, go: [1, 26] };

/** Checks what must be on the machine before anything is set up. */
export function checkRequirements() {
  const [node] = process.versions.node.split(".").map(Number);
  if (node < LOWEST.node) {
    throw new SetupProblem(`This is Node ${process.versions.node}.`, "Install Node 20 or newer: https://nodejs.org/");
  }
  const wanted = `Install Go ${LOWEST.go.join(".")} or newer (https://go.dev/dl/) and put it on PATH.`;
  const { status, stdout } = spawnSync("go", ["env", "GOVERSION"], { encoding: "utf8" });
  if (status !== 0)
    throw new SetupProblem("There is no Go: the engine and the embedded cluster are built with it.", wanted);
  const [major, minor] = stdout.replace("go", "").split(".").map(Number);
  if (major < LOWEST.go[0] || (major === LOWEST.go[0] && minor < LOWEST.go[1])) {
    throw new SetupProblem(`This is Go ${stdout.trim()}.`, wanted);
  }
}
