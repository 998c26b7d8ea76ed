import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { ERROR_CODES } from "@berth/base";

import { CLI_PAGE, renderCliPage } from "../docs/cli-page.ts";
import { ERRORS_PAGE, renderErrorsPage } from "../docs/errors-page.ts";
import { outcomeOf } from "./check.ts";
import type { Check } from "./check.ts";

/** docs/errors.md is what the table of codes says today. */
export const errorsPage: Check = {
  name: "errors-page",
  async run(root) {
    const page = await readFile(join(root, ERRORS_PAGE), "utf8");
    return outcomeOf(
      page === renderErrorsPage(ERROR_CODES) ? [] : [`${ERRORS_PAGE} is out of date; run npm run generate`],
    );
  },
};

/** docs/cli-reference.md is what the program's own help says today. */
export const cliPage: Check = {
  name: "cli-page",
  async run(root) {
    const page = await readFile(join(root, CLI_PAGE), "utf8");
    return outcomeOf(page === renderCliPage() ? [] : [`${CLI_PAGE} is out of date; run npm run generate`]);
  },
};
