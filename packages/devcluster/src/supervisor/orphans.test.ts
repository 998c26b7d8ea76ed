import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { waitUntil } from "../cluster/wait-until.ts";
import { isAlive } from "../process/identity.ts";
import type { ProcessIdentity } from "../process/identity.ts";
import { endLeftovers } from "./record.ts";

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "berth-supervisor-"));
});
after(() => rm(directory, { recursive: true }));

/** A parent that starts a supervisor with two programs, one of which ignores SIGTERM. */
const parent = `
  const { startSupervisor } = await import(${JSON.stringify(join(import.meta.dirname, "client.ts"))});
  const directory = process.argv[1];
  const supervisor = startSupervisor(directory, () => undefined);
  const run = (name, script) => supervisor.start({ name, file: process.execPath, args: ["-e", script], log: directory + "/" + name });
  await run("mild", "setInterval(() => {}, 1000)");
  await run("stubborn", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('on')");
  console.log("up");
  setInterval(() => {}, 1000);`;

test("when the parent is killed, the supervisor ends every program and itself", async () => {
  const { child, processes } = await startParent();
  child.kill("SIGKILL");
  await waitUntil("all are gone", 10_000, () => Promise.resolve(!processes.some(isAlive)));
});

test("when the supervisor is killed too, the next start finds what is left and ends it", async () => {
  const { child, processes } = await startParent();
  const [supervisor, ...programs] = processes;
  assert.ok(supervisor !== undefined);
  process.kill(supervisor.pid, "SIGKILL");
  child.kill("SIGKILL");
  await waitUntil("the supervisor is gone", 5_000, () => Promise.resolve(!isAlive(supervisor)));
  assert.deepEqual(programs.map(isAlive), [true, true]);
  assert.equal(await endLeftovers(directory), 2);
  assert.deepEqual(programs.map(isAlive), [false, false]);
  assert.equal(await endLeftovers(directory), 0);
});

async function startParent() {
  const child = spawn(process.execPath, ["--input-type=module", "-e", parent, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  // Only a program that runs its script ignores signals.
  const stubborn = () => readFile(join(directory, "stubborn"), "utf8").then((text) => text === "on\n");
  await waitUntil("the programs run", 10_000, stubborn);
  const processes = JSON.parse(await readFile(join(directory, "processes.json"), "utf8")) as ProcessIdentity[];
  assert.equal(processes.length, 3);
  assert.ok(processes.every(isAlive));
  return { child, processes };
}
