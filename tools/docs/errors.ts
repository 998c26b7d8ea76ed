import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";

import { ERROR_CODES } from "@berth/base";

import { ERRORS_PAGE, renderErrorsPage } from "./errors-page.ts";

await writeFile(resolve(import.meta.dirname, "../..", ERRORS_PAGE), renderErrorsPage(ERROR_CODES));
