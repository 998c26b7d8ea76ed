import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { silentLogger, systemClock } from "@berth/base";
import { ownTestCluster } from "@berth/devcluster";
import type { DevCluster } from "@berth/devcluster";
import { applyDefinitions, createKubeClient, createObject, ensureNamespace, loadKubeconfig } from "@berth/kube";
import type { KubeClient } from "@berth/kube";

import type { OperationAnswer } from "./support/answers.ts";
import { CONFIG_MAP, makeChartDirectory } from "./support/charts.ts";
import type { ChartDirectory } from "./support/charts.ts";
import { helmJson } from "./support/helm.ts";
import { startReplica } from "./support/replica.ts";
import type { ReplicaProcess } from "./support/replica.ts";

const HOME = "berth-system";
const RELEASES = "/v1/clusters/local/namespaces/default/releases";
/** A dead replica's work is taken after 12 s; what is handed on, at once: when it was not done in 5 s. */
const AT_ONCE = 9_000;

let cluster: DevCluster;
let kube: KubeClient;
let charts: ChartDirectory;

before(async () => {
  cluster = await ownTestCluster();
  kube = createKubeClient(await loadKubeconfig(cluster.kubeconfig), { log: silentLogger, clock: systemClock });
  await applyDefinitions(kube, systemClock);
  await ensureNamespace(kube, HOME);
  charts = await makeChartDirectory();
});
after(async () => {
  await kube.close();
  await charts[Symbol.asyncDispose]();
  await cluster.stop();
});

/** A pod that fits no node until the gate is opened: a label of one. */
const GATED = `apiVersion: v1
kind: Pod
metadata: { name: "{{ .Release.Name }}" }
spec:
  nodeSelector: { gate: open }
  containers: [{ name: main, image: registry.local/app:1 }]
`;

async function openGate(): Promise<void> {
  const body = { metadata: { labels: { gate: "open" } } };
  const contentType = "application/merge-patch+json";
  await kube.request({ method: "PATCH", path: "/api/v1/nodes/sim-1", body, contentType });
}

async function read({ url }: ReplicaProcess, id: string, query = ""): Promise<OperationAnswer> {
  return (await (await fetch(`${url}/v1/operations/${id}${query}`)).json()) as OperationAnswer;
}

async function until(replica: ReplicaProcess, id: string, is: (operation: OperationAnswer) => boolean) {
  for (let waited = 0; ; waited += 100) {
    const operation = await read(replica, id);
    if (is(operation)) return operation;
    assert.ok(waited < 30_000, JSON.stringify(operation));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("a replica that is told to stop hands on what it cannot end, at once, and nothing is lost", async () => {
  const first = await startReplica(cluster.kubeconfig, HOME);
  const chart = { path: await charts.write("gated", { "templates/pod.yaml": GATED }) };
  const response = await fetch(first.url + RELEASES, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "handed", chart, options: { wait: true, timeout: "60s" } }),
  });
  const { id } = (await response.json()) as OperationAnswer;
  const { replica } = await until(first, id, ({ phase }) => phase === "waiting");
  const second = await startReplica(cluster.kubeconfig, HOME);
  try {
    const asked = Date.now();
    const stopped = first.stop();
    await until(second, id, (operation) => operation.replica !== "" && operation.replica !== replica);
    assert.ok(Date.now() - asked < AT_ONCE, `it took ${String(Date.now() - asked)} ms`);
    await stopped;
    await openGate();
    const ended = await read(second, id, "?wait=30");
    assert.deepEqual([ended.state, ended.attempts], ["OPERATION_STATE_SUCCEEDED", 2], JSON.stringify(ended));
    const history = await helmJson<{ status: string }[]>(cluster.kubeconfig, "-n", "default", "history", "handed");
    assert.equal(history.at(-1)?.status, "deployed");
  } finally {
    await second.stop();
  }
});

test("an operation of a version that is not known is left alone, and others go on", async () => {
  const replica = await startReplica(cluster.kubeconfig, HOME);
  try {
    const target = { cluster: "local", namespace: "default", name: "of-the-future" };
    const request = {
      ...{ version: 99, verb: "install", target, payload: "none", createTime: new Date().toISOString() },
      principal: { name: "loopback", groups: [], source: "loopback" },
    };
    const body = {
      ...{ apiVersion: "berth.dev/v1alpha1", kind: "Operation", metadata: { name: "op-future" } },
      spec: { request },
    };
    const operations = { group: "berth.dev", version: "v1alpha1", plural: "operations" };
    await createObject(kube, { resource: operations, namespace: HOME }, body);
    const chart = { path: await charts.write("plain", { "templates/config.yaml": CONFIG_MAP }) };
    const response = await fetch(`${replica.url}${RELEASES}?wait=30`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "of-today", chart }),
    });
    assert.equal(((await response.json()) as OperationAnswer).state, "OPERATION_STATE_SUCCEEDED");
    const list = await fetch(`${replica.url}/v1/operations?release=of-the-future`);
    assert.equal(((await list.json()) as { total_size: number }).total_size, 1, "it is listed all the same");
    const stored = await kube.request<{ status?: unknown }>({
      path: `/apis/berth.dev/v1alpha1/namespaces/${HOME}/operations/op-future`,
    });
    assert.equal(stored.status, undefined);
  } finally {
    await replica.stop();
  }
});
