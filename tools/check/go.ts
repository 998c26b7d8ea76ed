import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { outcomeOf } from "./check.ts";
import type { Check } from "./check.ts";
import { checkCommand, goEnvironment, runCommand } from "./command.ts";
import { filesUnder } from "./files.ts";
import { ensureStaticcheck } from "./staticcheck.ts";

/** Programs for tests, each a module of its own outside of the workspace. */
const FOR_TESTS = ["test/go-client", "toolchain/helm3"];
/** Lines a Go file may have, generated code aside. */
const MAX_LINES = 400;

/** Every Go file is as gofmt writes it. */
export const goFormat: Check = {
  name: "go-format",
  async run(root) {
    const { code, stdout, stderr } = await runCommand("gofmt", ["-l", "engine", ...FOR_TESTS], { cwd: root });
    if (code !== 0) return { state: "failed", text: stderr };
    return outcomeOf(stdout.split("\n").filter((file) => file !== ""));
  },
};

/** No Go file outgrows its one concern. */
export const goSize: Check = {
  name: "go-size",
  async run(root) {
    const files = await Promise.all(["engine", ...FOR_TESTS].map((folder) => filesUnder(root, folder, ".go")));
    const sizes = files.flat().map(async (file) => {
      const lines = (await readFile(join(root, file), "utf8")).trimEnd().split("\n").length;
      return lines > MAX_LINES ? [`${file}: ${lines} lines, at most ${MAX_LINES}`] : [];
    });
    return outcomeOf((await Promise.all(sizes)).flat());
  },
};

/** Go's own vet. */
export const goVet: Check = {
  name: "go-vet",
  async run(root) {
    const engine = await checkCommand("go", ["vet", "./engine/..."], {
      cwd: root,
      env: goEnvironment(join(root, "go.work")),
    });
    if (engine.state === "failed") return engine;
    for (const module of FOR_TESTS) {
      const found = await checkCommand("go", ["vet", "./..."], { cwd: join(root, module), env: goEnvironment("off") });
      if (found.state === "failed") return found;
    }
    return engine;
  },
};

/** Staticcheck, in the version of toolchain/lint/go.mod. */
export const staticcheck: Check = {
  name: "staticcheck",
  async run(root) {
    const built = await ensureStaticcheck(root);
    if (built.binary === undefined) return { state: "failed", text: built.text };
    return checkCommand(built.binary, ["./engine/..."], {
      cwd: root,
      env: { ...goEnvironment(join(root, "go.work")), ...built.env },
    });
  },
};
