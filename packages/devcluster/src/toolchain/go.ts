import { spawn } from "node:child_process";
import { setPriority } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { repository } from "../paths.ts";
import { SetupError } from "../setup-error.ts";

/** The politest a process can be is 19. */
const NICE = 10;
/** What a failing go command says last is what matters. */
const TAIL = 30;

/** The environment every go command here runs in: one set of settings, or nothing is shared in Go's build cache. */
export function goEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, CGO_ENABLED: "0", GOFLAGS: "", GOWORK: `${repository}/go.work` };
}

/** Where go runs: in the repository's workspace, or in a module that is not part of it, such as `toolchain/registry`. */
export interface GoPlace {
  readonly module?: string;
  /** What is set besides: cgo for the few programs that need it. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs go and gives what it prints; `onLine` hears what it says meanwhile. */
export async function go(
  args: readonly string[],
  onLine: (line: string) => void = () => undefined,
  { module, env }: GoPlace = {},
): Promise<string> {
  const place =
    module === undefined
      ? { cwd: repository, env: goEnvironment() }
      : { cwd: join(repository, module), env: { ...goEnvironment(), GOWORK: "off" } };
  const child = spawn("go", args, {
    cwd: place.cwd,
    env: { ...place.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  // Whoever waits for a build has the machine to himself; others shall not notice it.
  if (child.pid !== undefined) setPriority(child.pid, NICE);
  const tail: string[] = [];
  createInterface(child.stderr).on("line", (line) => {
    tail.push(line);
    if (tail.length > TAIL) tail.shift();
    onLine(line);
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  // Nobody waits for a build whose asker is gone; what is compiled is kept.
  const end = () => child.kill();
  process.once("exit", end);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new SetupError("Go cannot be started.", "Install Go 1.26 or newer (https://go.dev/dl/) and put it on PATH.", { cause })),
    );
    child.once("close", resolve);
  });
  process.removeListener("exit", end);
  if (code === 0) return Buffer.concat(output).toString().trim();
  throw new SetupError(
    `\`go ${args[0]}\` failed:\n${tail.join("\n")}`,
    "Run the same command again: what was built is kept. If a module cannot be downloaded, check the network and GOPROXY.",
  );
}
