import { existsSync } from "node:fs";
import { glob, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  buildFlags,
  ensureEngine,
  ensureEnvoyGateway,
  ensureHelm3,
  ensureRealNode,
  ensureRegistry,
  ensureToolchain,
  goEnvironment,
  onParentGone,
  repository,
  whyNoRealNode,
} from "@berth/devcluster";
import { SetupError, startCluster, streamProgress } from "@berth/devcluster";

import { run } from "./run.ts";

const everything = ["packages/*/src/**/*.test.ts", "tools/**/*.test.ts", "test/**/*.test.ts"];
/** Those that want a real node: they come last, one after the other, for its parts may still be built meanwhile. */
const REAL = /(^|\/)real-node(-[a-z-]+)?\.test\.ts$/;
/** Those that want Helm 3: they wait for it where it is still built. */
const HELM3 = /(^|\/)helm3(-[a-z-]+)?\.test\.ts$/;
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
  const files = await listFiles(isWhole ? everything : patterns);
  const wantsReal = files.some((file) => REAL.test(file)) && whyNoRealNode() === undefined;
  const built = buildMeanwhile(
    files.some((file) => HELM3.test(file)),
    wantsReal,
  );
  // Heard where it is awaited.
  built.catch(() => undefined);
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
    const counts: string[] = [];
    const node = (concurrency: number, chosen: readonly string[]) => {
      const counted = join(dataDir, `counts-${String(counts.length)}.tap`);
      counts.push(counted);
      const flags = [
        "--test",
        ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
        ...["--test-reporter=tap", `--test-reporter-destination=${counted}`],
        `--test-concurrency=${concurrency}`,
        `--test-timeout=${TIMEOUT}`,
        // A test that fails may leave a connection open: that is no reason to wait for ever.
        "--test-force-exit",
      ];
      return run(process.execPath, [...flags, ...chosen], { ...process.env, ...env }, asked.signal);
    };
    // Where they are skipped they are counted among the others.
    const real = files.filter((file) => wantsReal && REAL.test(file));
    const simulated = files.filter((file) => !real.includes(file));
    const isSimulatedPassed = simulated.length === 0 || (await node(CONCURRENCY, simulated));
    if (!isSimulatedPassed && real.length > 0) progress.say("\nFAILED before the tests on a real node: Node's tests");
    await built;
    const isRealPassed = real.length === 0 || (await node(1, real));
    // Nothing is printed after it: the summary that counts all tests stands last.
    if (counts.length > 1) console.log(await summarize(counts));
    return isSimulatedPassed && isRealPassed && failures.length === 0;
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Builds what only some tests want, while the others run. */
async function buildMeanwhile(wantsHelm3: boolean, wantsReal: boolean): Promise<void> {
  // Its tests say themselves why there is none.
  if (wantsHelm3) await ensureHelm3({ progress }).catch(() => undefined);
  if (!wantsReal) return;
  await ensureRealNode({ progress });
  await ensureEnvoyGateway({ progress });
}

/** The counts of several runs together, as the test runner itself says them. */
async function summarize(files: readonly string[]): Promise<string> {
  const all = await Promise.all(files.map((file) => readFile(file, "utf8")));
  const sum = (word: string) =>
    all.reduce((total, text) => total + Number(text.match(new RegExp(`^# ${word} (\\d+)$`, "m"))?.[1] ?? 0), 0);
  const words = ["tests", "suites", "pass", "fail", "cancelled", "skipped", "todo"];
  return ["\n== all of Node's tests", ...words.map((word) => `ℹ ${word} ${String(sum(word))}`)].join("\n");
}

/** What patterns stand for; those that fit nothing are left to the test runner, which says so. */
async function listFiles(patterns: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const pattern of patterns) {
    const before = found.length;
    for await (const file of glob(pattern, { cwd: repository, exclude: ["**/node_modules/**"] })) found.push(file);
    if (found.length === before) found.push(pattern);
  }
  return found.sort();
}

runTests(process.argv.slice(2)).then(
  (isPassed) => process.exit(isPassed ? 0 : 1),
  (error: unknown) => {
    console.error(error instanceof SetupError ? error.message : error);
    process.exit(1);
  },
);
