import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { create } from "tar";

import { silentProgress } from "../progress.ts";
import { keepReachable } from "./official.ts";
import { listReleases } from "./releases.ts";
import type { BaseUrls, Release } from "./releases.ts";
import { fetchPrograms, readSource } from "./source.ts";
import type { Source } from "./source.ts";

const KUBERNETES = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];
const ALL = ["etcd", "helm", ...KUBERNETES];
const AWAY = "http://127.0.0.1:1";
const MACHINE = { os: "linux", arch: "amd64" };
const WRONG = "0".repeat(64);

let server: Server;
let site: string;
let base: BaseUrls;
let directory: string;
/** What the server has, by path; a function answers by itself. */
let published: Map<string, string | Buffer | ((request: IncomingMessage, response: ServerResponse) => void)>;

before(async () => {
  server = createServer((request, response) => {
    const found = published.get(request.url ?? "");
    if (typeof found === "function") return found(request, response);
    return found === undefined ? response.writeHead(404).end() : response.end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  site = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  base = { kubernetes: `${site}/kubernetes`, etcd: `${site}/etcd`, helm: `${site}/helm` };
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "berth-download-"));
  published = new Map();
  for (const release of releases()) await publish(release);
});
afterEach(() => rm(directory, { recursive: true }));
after(() => {
  server.closeAllConnections();
  server.close();
});

/** The same releases on every machine the tests run on. */
function releases(): Release[] {
  return listReleases(base, MACHINE);
}

function fetchInto(source: Source, urls: BaseUrls = base): Promise<string[]> {
  return fetchPrograms(source, listReleases(urls, MACHINE), join(directory, "programs"), silentProgress);
}

async function kept(): Promise<string[]> {
  return (await readdir(join(directory, "programs")).catch(() => [])).sort();
}

function content(program: string): Buffer {
  return Buffer.alloc(300_000, `the program ${program} `);
}

async function archive(member: string, data: Buffer): Promise<Buffer> {
  const folder = await mkdtemp(join(directory, "archive-"));
  await mkdir(join(folder, member, ".."), { recursive: true });
  await writeFile(join(folder, member), data);
  await writeFile(join(folder, member, "../README.md"), "read me");
  const file = join(folder, "archive.tar.gz");
  await create({ cwd: folder, file, gzip: true }, [member.split("/")[0] ?? ""]);
  return readFile(file);
}

function path(url: string): string {
  return url.slice(site.length);
}

function file(name: string): Release["files"][0] {
  const found = releases().flatMap(({ files }) => files).find(({ program }) => program === name);
  assert.ok(found);
  return found;
}

/** Publishes files under their checksums, in each origin's own way. */
async function publish(release: Release): Promise<void> {
  for (const { program, url, checksumUrl, member } of release.files) {
    const data = member === undefined ? content(program) : await archive(member, content(program));
    publishFile(url, checksumUrl, data);
  }
}

function publishFile(url: string, checksumUrl: string, data: Buffer): void {
  const sum = createHash("sha256").update(data).digest("hex");
  const name = url.slice(url.lastIndexOf("/") + 1);
  published.set(path(url), data);
  const lines = { ".sha256": sum, sha256sum: `${sum}  ${name}\n`, SHA256SUMS: `${WRONG}  other.zip\n${sum}  ${name}\n` };
  const [, text] = Object.entries(lines).find(([ending]) => checksumUrl.endsWith(ending)) ?? [];
  assert.ok(text);
  published.set(path(checksumUrl), text);
}

test("files with the published checksum are kept and can be run", async () => {
  assert.deepEqual((await fetchInto("download")).sort(), ALL);
  assert.deepEqual(await kept(), ALL);
  for (const name of ALL) {
    assert.deepEqual(await readFile(join(directory, "programs", name)), content(name));
    assert.equal((await stat(join(directory, "programs", name))).mode & 0o777, 0o755);
  }
});

for (const program of ["kube-scheduler", "etcd", "helm"]) {
  test(`${program} with another checksum is refused, and nothing of its release is kept`, async () => {
    const { url, checksumUrl } = file(program);
    published.set(path(checksumUrl), `${WRONG}  ${url.slice(url.lastIndexOf("/") + 1)}`);
    const others = ALL.filter((name) => (KUBERNETES.includes(program) ? !KUBERNETES.includes(name) : name !== program));
    assert.deepEqual((await fetchInto("auto")).sort(), others);
    assert.deepEqual(await kept(), others);
    await rm(join(directory, "programs"), { recursive: true });
    await assert.rejects(fetchInto("download"), /0{64} is published\.\n {2}Do not use it/);
    assert.equal((await kept()).includes(program), false);
  });

  test(`${program} without a published checksum is refused`, async () => {
    const { checksumUrl } = file(program);
    published.set(path(checksumUrl), "<html>welcome</html>");
    assert.equal((await fetchInto("auto")).includes(program), false);
    await assert.rejects(fetchInto("download"), /No SHA-256 is published/);
    published.delete(path(checksumUrl));
    await assert.rejects(fetchInto("download"), /answered 404\.\n {2}Set BERTH_TOOLCHAIN=build/);
  });
}

test("an origin that is away changes nothing for the others", async () => {
  const urls = { ...base, etcd: AWAY };
  assert.deepEqual((await fetchInto("auto", urls)).sort(), ["helm", ...KUBERNETES]);
  await assert.rejects(fetchInto("download", urls), /cannot be reached\.\n {2}Set BERTH_TOOLCHAIN=build/);
});

test("an origin that never answers is given up after two seconds", { timeout: 10_000 }, async () => {
  published.set(path(file("helm").checksumUrl), () => undefined);
  const reached = await keepReachable(releases());
  assert.deepEqual(reached.map(({ origin }) => origin), ["kubernetes", "etcd"]);
});

test("an archive without the program is refused, a folder of its name too", async () => {
  const { url, checksumUrl } = file("etcd");
  const name = url.slice(url.lastIndexOf("/") + 1, -".tar.gz".length);
  for (const other of [`${name}/etcdctl`, `${name}/etcd/etcd`]) {
    publishFile(url, checksumUrl, await archive(other, content("etcd")));
    assert.deepEqual((await fetchInto("auto")).sort(), ["helm", ...KUBERNETES]);
    await assert.rejects(fetchInto("download"), /etcd\.tar\.gz holds no program etcd-v/);
    assert.deepEqual((await kept()).includes("etcd"), false);
  }
});

test("redirects are followed, but not away from HTTPS", async () => {
  const { url } = file("etcd");
  const data = published.get(path(url));
  assert.ok(data);
  published.set("/elsewhere", data);
  published.set(path(url), (_request, response) => response.writeHead(302, { location: `${site}/elsewhere` }).end());
  assert.deepEqual((await fetchInto("download")).sort(), ALL);
  const plain = `${site.replace("127.0.0.1", "0.0.0.0")}/elsewhere`;
  published.set(path(url), (_request, response) => response.writeHead(302, { location: plain }).end());
  await assert.rejects(fetchInto("download"), /leads to http:\/\/0\.0\.0\.0:\d+\/elsewhere, which is not HTTPS/);
});

test("of a download that breaks off nothing is kept", async () => {
  published.set(path(file("kube-scheduler").url), (_request, response) => {
    response.writeHead(200, { "content-length": "300000" }).write(content("kube-scheduler").subarray(0, 100_000));
    setTimeout(() => response.destroy(), 50);
  });
  assert.deepEqual((await fetchInto("auto")).sort(), ["etcd", "helm"]);
  assert.deepEqual(await kept(), ["etcd", "helm"]);
  await assert.rejects(fetchInto("download"), /kube-scheduler was not fetched whole/);
});

test("build fetches nothing, and no machine is offered what is not published for it", async () => {
  assert.deepEqual(await fetchInto("build"), []);
  const origins = listReleases(base, { os: "darwin", arch: "arm64" }).map(({ origin }) => origin);
  assert.deepEqual(origins, ["helm"]);
  assert.throws(() => readSource("sometimes"), /Set it to build, download or auto/);
});
