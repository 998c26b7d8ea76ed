import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { repository } from "../paths.ts";
import { SetupError } from "../setup-error.ts";

/** What a failing go command says last is what matters. */
const TAIL = 30;

/** Runs go in the repository's workspace and gives what it prints; `onLine` hears what it says meanwhile. */
export async function go(args: readonly string[], onLine: (line: string) => void = () => undefined): Promise<string> {
  const environment = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "", GOWORK: `${repository}/go.work` };
  const child = spawn("go", args, { cwd: repository, env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const tail: string[] = [];
  createInterface(child.stderr).on("line", (line) => {
    tail.push(line);
    if (tail.length > TAIL) tail.shift();
    onLine(line);
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new SetupError("Go cannot be started.", "Install Go 1.26 or newer (https://go.dev/dl/) and put it on PATH.", { cause })),
    );
    child.once("close", resolve);
  });
  if (code === 0) return Buffer.concat(output).toString().trim();
  throw new SetupError(
    `\`go ${args[0]}\` failed:\n${tail.join("\n")}`,
    "Run the same command again: what was built is kept. If a module cannot be downloaded, check the network and GOPROXY.",
  );
}
