import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";

import { CLI_PAGE, renderCliPage } from "./cli-page.ts";

await writeFile(resolve(import.meta.dirname, "../..", CLI_PAGE), renderCliPage());
