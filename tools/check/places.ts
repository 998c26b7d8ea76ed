import { outcomeOf } from "./check.ts";
import type { Check } from "./check.ts";
import { runCommand } from "./command.ts";

/** Paths of one person's machine, and hosts that a network may have to replace. */
const PATTERN = String.raw`/(home|Users|root)/[a-z]|registry\.npmjs\.|proxy\.golang\.`;

/** Nothing in the tree knows whose machine it stands on. Tests may make such text up. */
export const places: Check = {
  name: "places",
  async run(root) {
    const args = ["grep", "-nIE", PATTERN, "--", ":!*.sum", ":!*.test.ts", ":!*_test.go"];
    const { code, stdout, stderr } = await runCommand("git", args, { cwd: root });
    if (code > 1) return { state: "not run", text: stderr.trim() };
    return outcomeOf(stdout.split("\n").filter((line) => line !== ""));
  },
};
