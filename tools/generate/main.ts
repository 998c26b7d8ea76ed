import { spawnSync } from "node:child_process";
import { cp, rm, writeFile } from "node:fs/promises";

import { COPIES } from "../check/generated.ts";
import { COMMENTS, readComments } from "./comments.ts";

/** TypeScript for every package, Go for the engine. */
const templates = ["buf.gen.yaml", "buf.gen.engine.yaml"];

for (const template of templates) {
  console.error(`buf generate --template ${template}`);
  // The generators' Go modules stand outside the workspace: what they need has no say in what the engine is built from.
  const env = { ...process.env, GOWORK: "off" };
  const { status, error } = spawnSync("buf", ["generate", "--template", template], { env, stdio: "inherit" });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

await writeFile(COMMENTS, await readComments(process.cwd()));

for (const { from, to } of COPIES) {
  await rm(to, { recursive: true, force: true });
  await cp(from, to, { recursive: true });
}

// The page of the error codes is made of their table, that of the commands of their help.
await import("../docs/errors.ts");
await import("../docs/cli.ts");
