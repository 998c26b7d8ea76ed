import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Runs the real helm command line against a cluster and gives what it prints. */
export async function helm(kubeconfig: string, ...args: string[]): Promise<string> {
  const binary = process.env.BERTH_HELM;
  if (binary === undefined) throw new Error("BERTH_HELM names no helm binary: run the tests by `npm test`.");
  const env = { PATH: process.env.PATH, HOME: "/nonexistent", KUBECONFIG: kubeconfig };
  const { stdout } = await run(binary, args, { env, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** Starts the real helm command line, to be killed in the middle. */
export function startHelm(kubeconfig: string, ...args: string[]): { kill(): Promise<void> } {
  const binary = process.env.BERTH_HELM;
  if (binary === undefined) throw new Error("BERTH_HELM names no helm binary: run the tests by `npm test`.");
  const env = { PATH: process.env.PATH, HOME: "/nonexistent", KUBECONFIG: kubeconfig };
  const child = spawn(binary, args, { env, stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Runs helm with JSON output, parsed. */
export async function helmJson<T>(kubeconfig: string, ...args: string[]): Promise<T> {
  return JSON.parse(await helm(kubeconfig, ...args, "-o", "json")) as T;
}
