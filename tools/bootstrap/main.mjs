// The door of every npm script. Plain JavaScript, for it runs on whatever Node (20 or newer) is there; what it starts is
// TypeScript on the pinned Node.
import { installDependencies } from "./install.mjs";
import { ensurePinnedNode } from "./pinned-node.mjs";
import { checkRequirements } from "./requirements.mjs";
import { runOnNode } from "./run.mjs";
import { SetupProblem } from "./setup-problem.mjs";

const scripts = {
  up: "tools/up/main.ts",
  test: "tools/run-tests/main.ts",
  check: "tools/check.ts",
  generate: "tools/generate/main.ts",
  image: "tools/image/main.ts",
  bench: "bench/main.ts",
  soak: "tools/soak/main.ts",
  cli: "packages/cli/src/main.ts",
  "build-cli": "tools/cli/main.ts",
};

try {
  const [command = "", ...args] = process.argv.slice(2);
  const script = scripts[command];
  if (script === undefined) {
    throw new SetupProblem(
      `There is no command "${command}".`,
      `Use: npm run ${Object.keys(scripts).join(" | npm run ")}`,
    );
  }
  checkRequirements();
  const node = await ensurePinnedNode();
  await installDependencies(node);
  process.exitCode = await runOnNode(node, script, args);
} catch (error) {
  if (!(error instanceof SetupProblem)) throw error;
  console.error(`${error.message}\n  ${error.hint}`);
  process.exitCode = 1;
}
