import { readFile, stat } from "node:fs/promises";

import { BerthError } from "@berth/base";

/** Bytes of a kubeconfig, a certificate or a token. */
const LIMIT = 4 * 1024 * 1024;

/** Reads a file of `what`. INVALID_ARGUMENT where it cannot be read or is over 4 MiB. */
export async function readTextFile(path: string, what: string): Promise<string> {
  try {
    if ((await stat(path)).size > LIMIT) throw new Error(`over ${LIMIT} bytes`);
    return await readFile(path, "utf8");
  } catch (error) {
    const hint = "Check that it exists, is not huge and may be read.";
    throw new BerthError("INVALID_ARGUMENT", `The file of ${what} cannot be read.`, {
      field: "kubeconfig",
      hint,
      cause: error,
    });
  }
}
