import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  buildFlags,
  ensureEngine,
  ensureRegistry,
  ensureToolchain,
  goEnvironment,
  onParentGone,
  repository,
} from "@berth/devcluster";
import { SetupError, startCluster, streamProgress } from "@berth/devcluster";

import { run } from "./run.ts";

const everything = ["packages/*/src/**/*.test.ts", "tools/**/*.test.ts", "test/**/*.test.ts"];
/** Files at a time: the cluster they share takes the other core. */
const CONCURRENCY = 2;
/** The slowest test starts three clusters in a row: 20 s alone, several times that beside a build. */
const TIMEOUT = 300_000;

/** A program of ours gets 5 s to end, the cluster about 2 s; whatever takes longer is not waited for. */
const STOP = 15_000;

const progress = streamProgress(process.stderr);
const asked = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => asked.abort(signal));
onParentGone(() => asked.abort("parent gone"));
asked.signal.addEventListener("abort", () => setTimeout(() => process.exit(130), STOP).unref());

async function runTests(patterns: readonly string[]): Promise<boolean> {
  const isWhole = patterns.length === 0;
  const toolchain = await ensureToolchain({ progress });
  const engine = await ensureEngine({ progress });
  const registry = await ensureRegistry({ progress });
  const failures: string[] = [];
  const phase = async (label: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv) => {
    progress.say(`\n== ${label}`);
    const start = performance.now();
    const isPassed = await run(command, args, env, asked.signal);
    progress.say(
      `== ${label}: ${isPassed ? "passed" : "FAILED"} in ${Math.round((performance.now() - start) / 1000)} s`,
    );
    if (!isPassed) failures.push(label);
  };
  if (isWhole && existsSync(join(repository, "tools/check.ts"))) {
    await phase("check", process.execPath, ["tools/check.ts"], process.env);
  }
  asked.signal.throwIfAborted();
  const dataDir = await mkdtemp(join(tmpdir(), "berth-test-"));
  try {
    await using cluster = await progress.run("Starting the cluster the tests share", () =>
      startCluster({ dataDir, toolchain, durable: false, onFailure: (failure) => progress.say(failure.message) }),
    );
    const env = {
      BERTH_TEST_CLUSTER: cluster.kubeconfig,
      BERTH_ENGINE: engine,
      BERTH_HELM: toolchain.helm,
      BERTH_REGISTRY: registry,
    };
    if (isWhole) await phase("Go tests", "go", ["test", ...buildFlags, "./engine/..."], { ...goEnvironment(), ...env });
    if (failures.length > 0) progress.say(`\nFAILED before Node's tests: ${failures.join(", ")}`);
    const flags = ["--test", "--test-reporter=spec", `--test-concurrency=${CONCURRENCY}`, `--test-timeout=${TIMEOUT}`];
    const files = isWhole ? everything : patterns;
    // Nothing is printed after these: the summary that counts the tests stands last.
    const isPassed = await run(process.execPath, [...flags, ...files], { ...process.env, ...env }, asked.signal);
    return isPassed && failures.length === 0;
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

runTests(process.argv.slice(2)).then(
  (isPassed) => process.exit(isPassed ? 0 : 1),
  (error: unknown) => {
    console.error(error instanceof SetupError ? error.message : error);
    process.exit(1);
  },
);
