import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";

import { silentProgress } from "../progress.ts";
import { downloadPrograms, isReachable } from "./official.ts";
import { fetchPrograms, readSource } from "./source.ts";

const program = Buffer.alloc(300_000, "a program ");
const sum = createHash("sha256").update(program).digest("hex");

let server: Server;
let base: string;
let directory: string;
let published: string;

before(async () => {
  server = createServer((request, response) => {
    if (request.url?.startsWith("/v") !== true) return response.writeHead(404).end();
    return response.end(request.url.endsWith(".sha256") ? published : program);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  directory = await mkdtemp(join(tmpdir(), "berth-download-"));
});
beforeEach(() => {
  published = sum;
});
after(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

test("a file with the published checksum is kept and can be run", async () => {
  const target = join(directory, "good");
  const names = await downloadPrograms(base, target, silentProgress);
  assert.deepEqual(names, ["kube-apiserver", "kube-controller-manager", "kube-scheduler"]);
  for (const name of names) {
    assert.deepEqual(await readFile(join(target, name)), program);
    assert.equal((await stat(join(target, name))).mode & 0o777, 0o755);
  }
});

test("a file with another checksum is refused and not kept", async () => {
  published = sum.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
  const target = join(directory, "wrong");
  await assert.rejects(downloadPrograms(base, target, silentProgress), /is published\.\n {2}Do not use it/);
  assert.deepEqual(await readdir(target), []);
});

test("a file without a published checksum is refused", async () => {
  published = "<html>welcome</html>";
  await assert.rejects(downloadPrograms(base, join(directory, "none"), silentProgress), /No SHA-256 is published/);
});

test("where fetching fails, auto builds everything, download says why", async () => {
  published = "0".repeat(64);
  const target = join(directory, "fallback");
  assert.deepEqual(await fetchPrograms("auto", base, target, silentProgress), []);
  assert.deepEqual(await readdir(target), []);
  await assert.rejects(fetchPrograms("download", base, target, silentProgress), /0{64} is published/);
  assert.throws(() => readSource("sometimes"), /Set it to build, download or auto/);
});

test("downloads that do not answer are not reachable", async () => {
  assert.equal(await isReachable(base), true);
  assert.equal(await isReachable(`${base}/elsewhere`), false);
  assert.equal(await isReachable("http://127.0.0.1:1"), false);
});
