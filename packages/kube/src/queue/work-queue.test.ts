import assert from "node:assert/strict";
import { test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";

import type { Outcome, WorkQueueOptions } from "./types.ts";
import { createWorkQueue } from "./work-queue.ts";

const done: Outcome = { kind: "done" };

function queueOf(handle: WorkQueueOptions["handle"], options: Partial<WorkQueueOptions> = {}) {
  return createWorkQueue({
    name: "test",
    handle,
    log: silentLogger,
    clock: systemClock,
    backoff: { initial: 20, max: 200 },
    random: () => 1,
    ...options,
  });
}

const sleep = (ms: number) => systemClock.sleep(ms);

test("a key is folded while it waits, and runs once more when it is added while it runs", async () => {
  const runs: string[] = [];
  const gate = Promise.withResolvers<void>();
  const queue = queueOf(
    async (key) => {
      runs.push(key);
      if (runs.length === 1) await gate.promise;
      return done;
    },
    { concurrency: 1 },
  );
  queue.add("a");
  await sleep(5);
  for (let i = 0; i < 100; i++) for (const key of ["a", "b"]) queue.add(key);
  assert.equal(queue.depth(), 2);
  gate.resolve();
  await queue.idle();
  assert.deepEqual(runs, ["a", "b", "a"]);
  assert.equal(queue.counts().done, 3);
  assert.equal(queue.depth(), 0);
});

test("never runs a key twice at once, nor more keys than allowed", async () => {
  const running = new Set<string>();
  let most = 0;
  const queue = queueOf(
    async (key) => {
      assert.ok(!running.has(key), `${key} runs twice`);
      running.add(key);
      most = Math.max(most, running.size);
      await sleep(Math.random() * 3);
      running.delete(key);
      return done;
    },
    { concurrency: 3 },
  );
  for (let i = 0; i < 500; i++) {
    queue.add(`key-${i % 7}`);
    if (i % 20 === 0) await sleep(1);
  }
  await queue.idle();
  assert.equal(most, 3);
  assert.equal(queue.counts().failed, 0);
});

test("each of the five outcomes has its own repetition and count", async () => {
  const outcomes: Record<string, Outcome[]> = {
    requeue: [{ kind: "requeue" }, { kind: "requeue" }, { kind: "requeue" }],
    after: [{ kind: "requeueAfter", ms: 60 }],
    failed: [{ kind: "failed", error: new Error("x") }],
    thrown: [],
    terminal: [{ kind: "terminal", error: new Error("x") }],
  };
  const times: Record<string, number[]> = {};
  const queue = queueOf((key) => {
    const seen = (times[key] ??= []);
    seen.push(performance.now());
    if (key === "thrown" && seen.length === 1) return Promise.reject(new Error("thrown"));
    return Promise.resolve(outcomes[key]?.shift() ?? done);
  });
  for (const key of Object.keys(outcomes)) queue.add(key);
  while (queue.depth() > 0) await sleep(5);
  assert.deepEqual(queue.counts(), { done: 4, requeue: 3, requeueAfter: 1, failed: 2, terminal: 1 });
  assert.equal(times.terminal?.length, 1);
  const gaps = (key: string) => times[key]!.slice(1).map((at, i) => at - times[key]![i]!);
  assert.ok(gaps("after")[0]! >= 59, String(gaps("after")));
  const [first, second, third] = gaps("requeue") as [number, number, number];
  assert.ok(first >= 19 && second >= 39 && third >= 79, String(gaps("requeue")));
  assert.equal(queue.depth(), 0);
});

test("a key that rests runs at once when it is added, and once only", async () => {
  let runs = 0;
  const queue = queueOf(() => Promise.resolve(runs++ === 0 ? { kind: "requeueAfter", ms: 50 } : done));
  queue.add("a");
  await queue.idle();
  queue.add("a");
  await queue.idle();
  assert.equal(runs, 2);
  await sleep(80);
  assert.equal(runs, 2);
});

test("addAfter keeps the earlier of two", async () => {
  let at = 0;
  const queue = queueOf(() => {
    at = performance.now();
    return Promise.resolve(done);
  });
  const start = performance.now();
  queue.addAfter("a", 40);
  queue.addAfter("a", 5_000);
  queue.addAfter("b", 5_000);
  while (at === 0) await sleep(5);
  assert.ok(at - start >= 39 && at - start < 4_000, String(at - start));
  await queue.idle();
  assert.equal(queue.counts().done, 1);
  await queue.stop(100);
});

test("a new key over the depth is refused, a known one is not", async () => {
  const gate = Promise.withResolvers<void>();
  const queue = queueOf(() => gate.promise.then(() => done), { maxDepth: 3, concurrency: 1 });
  for (const key of ["a", "b", "c", "a", "b"]) queue.add(key);
  assert.throws(() => queue.add("d"), { code: "EXHAUSTED" });
  gate.resolve();
  await queue.idle();
  queue.add("d");
  await queue.idle();
});

test("a stop runs what waits, drops what rests, takes nothing new", async () => {
  const runs: string[] = [];
  const queue = queueOf(
    async (key) => {
      await sleep(5);
      runs.push(key);
      return key === "later" ? { kind: "requeue" } : done;
    },
    { concurrency: 1 },
  );
  queue.addAfter("rests", 10);
  for (const key of ["a", "later", "b"]) queue.add(key);
  const stopped = queue.stop(5_000);
  assert.equal(queue.state(), "stopping");
  queue.add("new");
  await stopped;
  assert.equal(queue.state(), "stopped");
  await sleep(50);
  assert.deepEqual(runs, ["a", "later", "b"]);
});

test("a stop that lasts too long aborts the handlers and drops what waits", async () => {
  let runs = 0;
  const queue = queueOf(
    async (_key, signal) => {
      runs++;
      await systemClock.sleep(60_000, signal);
      return done;
    },
    { concurrency: 1 },
  );
  queue.add("a");
  queue.add("b");
  const start = performance.now();
  await queue.stop(30);
  assert.ok(performance.now() - start < 1_000);
  assert.equal(runs, 1);
  assert.equal(queue.counts().failed, 1);
});

test("ten thousand resting keys cost nothing to add to", async () => {
  const queue = queueOf(() => Promise.resolve(done));
  const start = performance.now();
  for (let i = 0; i < 10_000; i++) queue.addAfter(`key-${i}`, 60_000);
  assert.ok(performance.now() - start < 1_000);
  assert.equal(queue.depth(), 10_000);
  await queue.stop(0);
  assert.equal(queue.depth(), 0);
});
