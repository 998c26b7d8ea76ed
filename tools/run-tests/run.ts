import { spawn } from "node:child_process";

import { repository } from "@berth/devcluster";

/** A child that was asked to end and does not is killed after this time, in milliseconds. */
const GRACE = 5_000;

/** Runs a program with our terminal and tells whether it succeeded. An aborted signal ends it. */
export async function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<boolean> {
  if (signal.aborted) return false;
  const child = spawn(command, args, { cwd: repository, env, stdio: ["ignore", "inherit", "inherit"] });
  let timer: NodeJS.Timeout | undefined;
  const end = () => {
    child.kill("SIGTERM");
    timer = setTimeout(() => child.kill("SIGKILL"), GRACE);
  };
  signal.addEventListener("abort", end, { once: true });
  try {
    return await new Promise<boolean>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => resolve(code === 0));
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
