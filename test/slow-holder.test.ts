import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import { ownTestCluster } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";
import { applyDefinitions, createKubeClient, ensureNamespace, loadKubeconfig } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import { UNSETTLED } from "./support/answers.ts";
import type { OperationAnswer } from "./support/answers.ts";
import { CONFIG_MAP, makeChartDirectory } from "./support/charts.ts";
import type { ChartDirectory } from "./support/charts.ts";
import { readEvents } from "./support/events.ts";
import { helmJson } from "./support/helm.ts";
import { startReplica } from "./support/replica.ts";
import type { ReplicaProcess } from "./support/replica.ts";

/*
 * A replica that stands still for longer than its hold lasts, as a paused virtual machine does, and then goes on as if
 * nothing had been: another one has ended its operation meanwhile, and that is not to be touched.
 */

const HOME = "berth-system";
const RELEASES = "/v1/clusters/local/namespaces/default/releases";
/** Milliseconds for which the first stands still; a hold lasts 12 s. */
const STILL = 20_000;

let cluster: DevCluster;
let kube: KubeClient;
let charts: ChartDirectory;
const replicas: ReplicaProcess[] = [];

before(async () => {
  cluster = await ownTestCluster();
  kube = createKubeClient(await loadKubeconfig(cluster.kubeconfig), { log: silentLogger, clock: systemClock });
  await applyDefinitions(kube, systemClock);
  await ensureNamespace(kube, HOME);
  charts = await makeChartDirectory();
});
after(async () => {
  await Promise.all(replicas.map((replica) => replica.kill()));
  await kube.close();
  await charts[Symbol.asyncDispose]();
  await cluster.stop();
});

/** Its pods fit no node before the test labels one. */
const GATED = `apiVersion: apps/v1
kind: Deployment
metadata: { name: "{{ .Release.Name }}-app" }
spec:
  selector: { matchLabels: { app: "{{ .Release.Name }}" } }
  template:
    metadata: { labels: { app: "{{ .Release.Name }}" } }
    spec:
      nodeSelector: { gate: open }
      containers: [{ name: main, image: registry.local/app:1 }]
`;

type Answer = OperationAnswer & { readonly replica: string };

async function start(): Promise<ReplicaProcess> {
  const replica = await startReplica(cluster.kubeconfig, HOME);
  replicas.push(replica);
  return replica;
}

async function install(by: ReplicaProcess, name: string, path: string, wait = ""): Promise<Answer> {
  const response = await fetch(by.url + RELEASES, {
    method: "POST",
    headers: { "content-type": "application/json", prefer: wait },
    body: JSON.stringify({ name, chart: { path }, options: { wait: true, timeout: "120s" } }),
  });
  const answer = (await response.json()) as Answer;
  assert.ok(response.ok, JSON.stringify(answer));
  return answer;
}

async function read(by: ReplicaProcess, id: string, query = ""): Promise<Answer> {
  return (await (await fetch(`${by.url}/v1/operations/${id}${query}`)).json()) as Answer;
}

async function until(by: ReplicaProcess, id: string, is: (operation: Answer) => boolean): Promise<Answer> {
  for (const end = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 200))) {
    const operation = await read(by, id);
    if (is(operation)) return operation;
    assert.ok(Date.now() < end && !operation.done, JSON.stringify(operation));
  }
}

/** Names and versions of what Helm has stored of a release. */
async function records(release: string): Promise<string[]> {
  const { items } = await kube.request<{ items: { metadata: { name: string; resourceVersion: string } }[] }>({
    path: "/api/v1/namespaces/default/secrets",
    query: { labelSelector: `owner=helm,name=${release}` },
  });
  return items.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`);
}

async function endings(by: ReplicaProcess, id: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { event, data } of readEvents(`${by.url}/v1/operations/${id}/events`)) {
    if (event === "operation") found.push(String(data.state));
  }
  return found;
}

test(
  "a replica that stood still is too late: what another has ended stays as it is",
  { timeout: 180_000 },
  async () => {
    const gated = await charts.write("gated", { "templates/app.yaml": GATED, "templates/config.yaml": CONFIG_MAP });
    const first = await start();
    const { id } = await install(first, "held", gated);
    const held = await until(first, id, ({ phase }) => phase === "waiting");
    assert.notEqual(held.replica, "");
    const second = await start();

    const pids = [first.pid, first.enginePid()];
    for (const pid of pids) process.kill(pid, "SIGSTOP");
    const stopped = Date.now();
    await until(second, id, ({ replica, phase }) => replica !== held.replica && replica !== "" && phase === "waiting");
    await kube.request({
      method: "PATCH",
      path: "/api/v1/nodes/sim-1",
      body: { metadata: { labels: { gate: "open" } } },
      contentType: "application/merge-patch+json",
    });
    const ended = await read(second, id, "?wait=60");
    assert.equal(ended.state, "OPERATION_STATE_SUCCEEDED", JSON.stringify(ended));
    const stored = await records("held");
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, stopped + STILL - Date.now())));
    for (const pid of pids) process.kill(pid, "SIGCONT");
    for (const end = Date.now() + 5_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 500))) {
      assert.deepEqual(await records("held"), stored);
    }

    for (const replica of [first, second]) {
      const now = await read(replica, id);
      assert.deepEqual([now.state, now.last_event], [ended.state, ended.last_event], JSON.stringify(now));
      assert.deepEqual(await endings(replica, id), ["OPERATION_STATE_SUCCEEDED"]);
    }
    const history = await helmJson<{ status: string }[]>(cluster.kubeconfig, "-n", "default", "history", "held");
    assert.equal(history.at(-1)?.status, "deployed");
    assert.deepEqual(
      history.filter(({ status }) => UNSETTLED.test(status)),
      [],
    );
    assert.match(first.log(), /"a lease is lost"[^]*"an operation was let go"/);

    // Alone again, the first holds anew, or nothing it takes would be done.
    await second.stop();
    const plain = await charts.write("plain", { "templates/config.yaml": CONFIG_MAP });
    const next = await install(first, "next", plain, "wait=60");
    assert.equal(next.state, "OPERATION_STATE_SUCCEEDED", JSON.stringify(next));
  },
);
