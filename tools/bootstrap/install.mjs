import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { npmCi } from "./npm.mjs";
import { repository } from "./paths.mjs";

const stamp = join(repository, "node_modules/.berth-installed");

/** Installs the dependencies of the lock file, unless just those are installed. */
export async function installDependencies(node) {
  const lock = readFileSync(join(repository, "package-lock.json"));
  const wanted = createHash("sha256").update(lock).digest("hex");
  if (readIfThere(stamp) === wanted) return;
  console.error("Installing dependencies …");
  await npmCi(node, repository);
  writeFileSync(stamp, wanted);
}

function readIfThere(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
