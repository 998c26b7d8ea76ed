import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { identify, isAlive, ownIdentity } from "./identity.ts";
import { isLock, tryLock } from "./lock.ts";

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "berth-lock-"));
});
after(() => rm(directory, { recursive: true }));

test("a process is told apart from a later one of the same number", () => {
  const own = ownIdentity();
  assert.ok(isAlive(own));
  assert.ok(!isAlive({ ...own, started: "another time" }));
  assert.equal(identify(2 ** 22 + 1), undefined);
});

test("a held lock names its holder, a released one is free", async () => {
  const path = join(directory, "held");
  const lock = await tryLock(path);
  assert.ok(isLock(lock));
  assert.deepEqual(await tryLock(path), ownIdentity());
  await lock.release();
  const again = await tryLock(path);
  assert.ok(isLock(again));
  await again.release();
});

test("a dead holder's lock is taken over", async () => {
  const path = join(directory, "stale");
  await writeFile(path, JSON.stringify({ pid: process.pid, started: "before this process" }));
  const lock = await tryLock(path);
  assert.ok(isLock(lock));
  await lock.release();
});

test("six processes that ask at the same time get it one after the other, over a dead holder's lock", async () => {
  const path = join(directory, "contended");
  const log = join(directory, "log");
  await writeFile(path, JSON.stringify({ pid: process.pid, started: "before this process" }));
  const script = `
    const { waitForLock } = await import(${JSON.stringify(join(import.meta.dirname, "lock.ts"))});
    const { appendFileSync } = await import("node:fs");
    const lock = await waitForLock(${JSON.stringify(path)}, () => undefined);
    appendFileSync(${JSON.stringify(log)}, "in\\n");
    await new Promise((resolve) => setTimeout(resolve, 50));
    appendFileSync(${JSON.stringify(log)}, "out\\n");
    await lock.release();`;
  await Promise.all(Array.from({ length: 6 }, () => run(script)));
  assert.equal(await readFile(log, "utf8"), "in\nout\n".repeat(6));
});

function run(script: string): Promise<void> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`exit ${code}`))));
  });
}
