import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { BerthError, silentLogger } from "@berth/base";

import { startEngine } from "./index.ts";
import type { Engine } from "./index.ts";

const binary = process.env.BERTH_ENGINE ?? "";
const skip = binary === "" ? "BERTH_ENGINE names no engine binary: npm test sets it" : false;

/** A repository that never answers: an install from it runs until something ends it. */
const silent = createServer(() => undefined);
await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
silent.unref();
after(() => silent.close());
const { port } = silent.address() as AddressInfo;

const target = { cluster: { server: "http://127.0.0.1:1" }, namespace: "default", release: "r" };

function fetching(operationId: string) {
  return {
    target,
    context: { operationId },
    chart: {
      source: { case: "repository" as const, value: { url: `http://127.0.0.1:${port}`, name: "demo" } },
      egress: { allowLoopback: true },
    },
  };
}

async function start(options: { renderTimeoutMs?: number } = {}) {
  const engine = await startEngine({ binary, allowLocalCharts: true, log: silentLogger, ...options });
  return Object.assign(engine, { [Symbol.asyncDispose]: () => engine.stop() });
}

function pidOf(engine: Engine): number {
  const state = engine.state();
  assert.equal(state.name, "ready");
  return state.name === "ready" ? state.pid : 0;
}

async function until(isTrue: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !isTrue();) {
    assert.ok(Date.now() < end, "it did not come true within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const isAlive = (pid: number) => existsSync(`/proc/${pid}`);

// A directory of this file's own, so that what is left behind can be seen.
const temporary = await mkdtemp(join(tmpdir(), "berth-client-"));
process.env.TMPDIR = temporary;
after(() => rm(temporary, { recursive: true, force: true }));

test("a stop leaves no process and no directory", { skip }, async () => {
  const engine = await startEngine({ binary, allowLocalCharts: false, log: silentLogger });
  const pid = pidOf(engine);
  assert.ok(isAlive(pid));
  assert.equal((await readdir(temporary)).length, 1);
  await engine.stop();
  assert.deepEqual(engine.state(), { name: "stopped" });
  assert.equal(isAlive(pid), false);
  assert.deepEqual(await readdir(temporary), []);
  await assert.rejects(engine.get({ target }), { code: "UNAVAILABLE" });
});

test("a binary that is none is UNAVAILABLE", async () => {
  for (const wrong of ["/does/not/exist", "/bin/false"]) {
    await assert.rejects(startEngine({ binary: wrong, allowLocalCharts: false, log: silentLogger }), {
      code: "UNAVAILABLE",
    });
  }
  assert.deepEqual(await readdir(temporary), []);
});

test("an action that fails resolves with its error", { skip }, async () => {
  await using engine = await start();
  const { error, changed } = await engine.uninstall({ target, context: { operationId: "u" } });
  assert.equal(error?.code, "CLUSTER_UNREACHABLE");
  assert.equal(changed, false);
});

test("killed with -9 the engine is ENGINE_LOST for what runs, and comes back", { skip }, async () => {
  await using engine = await start();
  const pid = pidOf(engine);
  const lost = engine.install(fetching("lost"), { onEvent: () => process.kill(pid, "SIGKILL") });
  await assert.rejects(lost, (error) => error instanceof BerthError && error.code === "ENGINE_LOST");
  await until(() => engine.state().name === "ready" && pidOf(engine) !== pid);
  assert.equal((await engine.history({ target })).error?.code, "CLUSTER_UNREACHABLE");
});

test("an abort cancels, and the result is awaited", { skip }, async () => {
  await using engine = await start();
  const controller = new AbortController();
  const { error } = await engine.install(fetching("cancelled"), {
    signal: controller.signal,
    onEvent: () => controller.abort(new Error("enough")),
  });
  assert.equal(error?.code, "CANCELLED");
  const early = await engine.install(fetching("early"), { signal: AbortSignal.abort() });
  assert.equal(early.error?.code, "CANCELLED");
});

test("an observer that throws does not end its action", { skip }, async () => {
  await using engine = await start();
  const { error } = await engine.uninstall(
    { target, context: { operationId: "observed" } },
    {
      onEvent: () => {
        throw new Error("the observer's own fault");
      },
    },
  );
  assert.equal(error?.code, "CLUSTER_UNREACHABLE");
});

test("a stop lets what runs end with its result", { skip }, async () => {
  const engine = await startEngine({ binary, allowLocalCharts: false, log: silentLogger });
  const begun = Promise.withResolvers<void>();
  const running = engine.install(fetching("stopped"), { onEvent: () => begun.resolve() });
  await begun.promise;
  const [{ error }] = await Promise.all([running, engine.stop()]);
  assert.equal(error?.code, "CANCELLED");
});

test("a request over the limit is BODY_TOO_LARGE", { skip }, async () => {
  await using engine = await start();
  const documents = ["x".repeat(17 * 1024 * 1024)];
  await assert.rejects(engine.render({ target, values: { documents } }), { code: "BODY_TOO_LARGE" });
});

test("a chart whose rendering does not end is refused from then on", { skip }, async () => {
  const root = await mkdtemp(join(tmpdir(), "berth-chart-"));
  await mkdir(join(root, "templates"));
  await writeFile(join(root, "Chart.yaml"), "apiVersion: v2\nname: endless\nversion: 1.0.0\n");
  await writeFile(join(root, "templates/a.yaml"), "{{ range 1000000000000 }}{{ end }}");
  try {
    await using engine = await start({ renderTimeoutMs: 300 });
    const pid = pidOf(engine);
    const request = { target, chart: { source: { case: "path" as const, value: root } } };
    await assert.rejects(engine.render(request), { code: "UNAVAILABLE" });
    await until(() => engine.state().name === "ready" && pidOf(engine) !== pid);
    assert.equal(engine.refusedCharts().size, 1);
    assert.equal((await engine.render(request)).error?.code, "RENDER_TIMEOUT");
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
