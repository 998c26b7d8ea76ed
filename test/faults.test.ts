import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { ownTestCluster } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";

import { UNSETTLED, succeeded } from "./support/answers.ts";
import type { OperationAnswer, ReleaseAnswer } from "./support/answers.ts";
import { startTestBerth } from "./support/berth.ts";
import type { TestBerth } from "./support/berth.ts";
import { CONFIG_MAP, DEPLOYMENT } from "./support/charts.ts";
import { sendForEvents } from "./support/events.ts";

/** Milliseconds within which a release has its true ending once the API server answers. */
const SETTLED_WITHIN = 30_000;

let cluster: DevCluster;
let berth: TestBerth;
let chart: string;

before(async () => {
  cluster = await ownTestCluster();
  berth = await startTestBerth({ kubeconfig: cluster.kubeconfig });
  chart = await berth.charts.write("waits", { "templates/app.yaml": DEPLOYMENT });
});
after(async () => {
  await berth[Symbol.asyncDispose]();
  await cluster.stop();
});

/** Installs and does something once it waits; gives the operation as it ended. */
async function disturb(name: string, timeout: string, act: () => Promise<void>): Promise<OperationAnswer> {
  const body = { name, chart: { path: chart }, values: { nowhere: true }, options: { wait: true, timeout } };
  let acted: Promise<void> | undefined;
  let last: Record<string, unknown> = {};
  for await (const { event, data } of sendForEvents(berth.url + berth.releases, "POST", body)) {
    last = data;
    if (event === "phase" && data.phase === "waiting") acted ??= act();
  }
  await acted;
  return last as unknown as OperationAnswer;
}

/** Waits for the release's ending and gives it. */
async function ending(name: string): Promise<ReleaseAnswer> {
  const deadline = Date.now() + SETTLED_WITHIN;
  for (;;) {
    const answer = await berth.request<ReleaseAnswer>("GET", `${berth.releases}/${name}`);
    if (answer.status === 200 && !UNSETTLED.test(answer.body.status)) return answer.body;
    assert.ok(Date.now() < deadline, `the release has no ending: ${JSON.stringify(answer.body)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function enginePid(): Promise<number> {
  const children = await readFile(`/proc/self/task/${String(process.pid)}/children`, "utf8");
  for (const pid of children.trim().split(" ")) {
    if ((await readFile(`/proc/${pid}/comm`, "utf8")).startsWith("berth-engine")) return Number(pid);
  }
  throw new Error("There is no engine.");
}

test("the API server stopped and started in the middle of a wait", async () => {
  const operation = await disturb("away", "8s", async () => {
    await cluster.components["kube-apiserver"].stop();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await cluster.components["kube-apiserver"].start();
  });
  assert.equal(operation.state, "OPERATION_STATE_FAILED");
  assert.notEqual(operation.error?.message, "");
  assert.equal((await ending("away")).status, "failed");
});

test("the engine killed in the middle of an install: it is taken up, and has one ending of its own", async () => {
  const operation = await disturb("killed", "8s", async () => {
    process.kill(await enginePid(), "SIGKILL");
  });
  assert.deepEqual([operation.state, operation.attempts], ["OPERATION_STATE_FAILED", 2]);
  assert.equal(operation.error?.code, "WAIT_TIMEOUT", "the second attempt has waited as long as asked");
  const release = await ending("killed");
  assert.deepEqual([release.status, release.revision, release.operation_id], ["failed", 2, operation.id]);
  const history = await berth.helmJson<{ revision: number; description: string }[]>("history", "killed");
  assert.match(history[0]?.description ?? "", /was interrupted/);
  const plain = await berth.charts.write("plain", { "templates/config.yaml": CONFIG_MAP });
  succeeded(await berth.request<OperationAnswer>("POST", berth.releases, { name: "next", chart: { path: plain } }));
});

test("the engine killed while the API server is away", async () => {
  let back: Promise<unknown> = Promise.resolve();
  const operation = await disturb("both", "8s", async () => {
    await cluster.components["kube-apiserver"].stop();
    process.kill(await enginePid(), "SIGKILL");
    back = new Promise((resolve) => setTimeout(resolve, 6_000)).then(() =>
      cluster.components["kube-apiserver"].start(),
    );
    await back;
  });
  await back;
  assert.equal(operation.state, "OPERATION_STATE_FAILED", JSON.stringify(operation));
  assert.equal((await ending("both")).status, "failed");
});
