import type { ESLint } from "eslint";

import { documentedExport } from "./rules/documented-export.ts";
import { kebabCaseFile } from "./rules/kebab-case-file.ts";
import { layers } from "./rules/layers.ts";
import { processInMain } from "./rules/process-in-main.ts";
import { staticLogMessage } from "./rules/static-log-message.ts";

/** The house's own ESLint rules, under the prefix `berth/`. */
export const houseRules: ESLint.Plugin = {
  rules: {
    "documented-export": documentedExport,
    "kebab-case-file": kebabCaseFile,
    layers,
    "process-in-main": processInMain,
    "static-log-message": staticLogMessage,
  },
};
