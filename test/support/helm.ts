import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Where a helm command line works. */
export interface HelmPlace {
  readonly kubeconfig: string;
  /** Helm 4's own where absent. */
  readonly binary?: string;
  readonly namespace?: string;
  /** Where it keeps its records; Secrets where absent. */
  readonly driver?: "secret" | "configmap";
}

/** The real helm command line at its place. */
export interface HelmLine {
  /** Gives what it prints. */
  run(...args: string[]): Promise<string>;
  /** Its JSON output, parsed. */
  json<T>(...args: string[]): Promise<T>;
  /** Starts it, to be killed in the middle. */
  start(...args: string[]): { kill(): Promise<void> };
}

/** A line of `helm history`. */
export interface HelmRevision {
  readonly revision: number;
  readonly updated: string;
  readonly status: string;
  readonly chart: string;
  readonly app_version: string;
  readonly description: string;
}

/** Takes a helm command line to where it works. */
export function helmLine(place: HelmPlace): HelmLine {
  const binary = place.binary ?? process.env.BERTH_HELM;
  if (binary === undefined) throw new Error("BERTH_HELM names no helm binary: run the tests by `npm test`.");
  const { kubeconfig, driver = "secret" } = place;
  const env = { PATH: process.env.PATH, HOME: "/nonexistent", KUBECONFIG: kubeconfig, HELM_DRIVER: driver };
  const there = place.namespace === undefined ? [] : ["-n", place.namespace];
  const line = async (...args: string[]) => {
    const { stdout } = await run(binary, [...there, ...args], { env, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  };
  return {
    run: line,
    json: async <T>(...args: string[]) => JSON.parse(await line(...args, "-o", "json")) as T,
    start(...args) {
      const child = spawn(binary, [...there, ...args], { env, stdio: "ignore" });
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      return {
        async kill() {
          child.kill("SIGKILL");
          await ended;
        },
      };
    },
  };
}

/** Runs the real helm command line against a cluster and gives what it prints. */
export function helm(kubeconfig: string, ...args: string[]): Promise<string> {
  return helmLine({ kubeconfig }).run(...args);
}

/** Starts the real helm command line, to be killed in the middle. */
export function startHelm(kubeconfig: string, ...args: string[]): { kill(): Promise<void> } {
  return helmLine({ kubeconfig }).start(...args);
}

/** Runs helm with JSON output, parsed. */
export function helmJson<T>(kubeconfig: string, ...args: string[]): Promise<T> {
  return helmLine({ kubeconfig }).json<T>(...args);
}
