import type { Check } from "./check.ts";
import { checkCommand } from "./command.ts";

/** Every file is as the formatter writes it. */
export const format: Check = {
  name: "format",
  run: (root) => checkCommand("prettier", ["--check", "--log-level", "warn", "."], { cwd: root }),
};

/** The compiler, with every strict option. */
export const types: Check = {
  name: "types",
  run: (root) => checkCommand("tsc", ["-p", "."], { cwd: root }),
};

/** ESLint with the house's own rules. */
export const lint: Check = {
  name: "lint",
  run: (root) => checkCommand("eslint", ["."], { cwd: root }),
};

/** No file, export or dependency that nobody uses. */
export const deadCode: Check = {
  name: "dead-code",
  run: (root) => checkCommand("knip", ["--no-progress", "--no-config-hints"], { cwd: root }),
};
