import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

/** The repository. */
export const repository = resolve(here, "../..");

/** Where the pinned Node is installed: apart from the rest, so that any Node can install it. */
export const nodePackage = join(here, "node");
