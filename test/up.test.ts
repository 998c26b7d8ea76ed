import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { repository } from "@berth/devcluster";

import { startUp } from "./support/up.ts";

let data: string;
const up = (...args: string[]) => startUp(data, ...args);

before(async () => {
  data = await mkdtemp(join(tmpdir(), "berth-up-"));
});
after(() => rm(data, { recursive: true, force: true }));

/** Processes that work in the data directory: etcd, Kubernetes' parts, KWOK, their supervisor. */
async function left(): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry) && entry !== String(process.pid))) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.includes(data)) found.push(command.replaceAll("\0", " "));
  }
  return found;
}

async function nothingLeft(): Promise<void> {
  for (const limit = Date.now() + 15_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const found = await left();
    if (found.length === 0) return;
    assert.ok(Date.now() < limit, `still running:\n${found.join("\n")}`);
  }
}

async function releases(url: string): Promise<string[]> {
  const response = await fetch(`${url}/v1/clusters/local/namespaces/default/releases`);
  assert.equal(response.status, 200);
  const { releases: found = [] } = (await response.json()) as { releases?: { name: string }[] };
  return found.map(({ name }) => name);
}

function install(url: string, releaseName: string): Promise<Response> {
  const chartName = join(repository, "examples/hello");
  return fetch(`${url}/install`, { method: "POST", body: new URLSearchParams({ chartName, releaseName }) });
}

const isLinux = process.platform === "linux";
const skip = isLinux ? false : "what is left running is looked for in /proc, which this system does not have";

test("up: kill -9 leaves nothing running, a second start has the releases, --reset has none", { skip }, async () => {
  const first = await up();
  assert.match(first.output, /simulated by KWOK/);
  assert.match(first.output, new RegExp(`ready: ${first.url}\nkubeconfig: ${data}`));
  assert.equal((await install(first.url, "kept")).status, 200);
  assert.notDeepEqual(await left(), []);
  await first.end("SIGKILL");
  await nothingLeft();

  const second = await up();
  assert.deepEqual(await releases(second.url), ["kept"]);
  assert.equal(await second.end("SIGINT"), 0);
  await nothingLeft();

  const third = await up("--reset");
  try {
    assert.deepEqual(await releases(third.url), []);
    const kubeconfig = join(data, "cluster/kubeconfig");
    const other = await up("--kubeconfig", kubeconfig, "--install-crds");
    try {
      assert.match(other.output, /Applying Berth's CRDs and namespace: done/);
      assert.equal((await install(other.url, "by-the-other")).status, 200);
    } finally {
      assert.equal(await other.end("SIGTERM"), 0);
    }
    assert.deepEqual(await releases(third.url), ["by-the-other"], "the cluster that was given stays up");
  } finally {
    assert.equal(await third.end("SIGINT"), 0);
  }
  await nothingLeft();
});

test("up says what is wrong with its options, and what to do", async () => {
  for (const [args, said] of [
    [["--port", "0"], /--port 0 is no port\.\n {2}Give a number/],
    [["--context", "a"], /belong to --kubeconfig\.\n {2}Give/],
    [["--kubeconfig", join(data, "none")], /cannot be read\.\n {2}Give/],
    [["--forward", "8080=web.default:80"], /leads to real pods\.\n {2}Give --real/],
    [["--internet"], /for real pods\.\n {2}Give --real/],
    [["--no-gateway"], /belongs to --real\.\n {2}Leave/],
    [["--real", "--forward", "web"], /--forward web makes no sense\.\n {2}Give LOCAL=/],
    [["--real", "--forward", "0=web.default:80"], /makes no sense/],
    [["--real", "--kubeconfig", "a"], /there is none\.\n {2}Leave one out/],
    [["--nonsense"], /--help lists the options/],
  ] as const) {
    await assert.rejects(up(...args), (error: Error) => said.test(error.message) && !/ at /.test(error.message));
  }
});
